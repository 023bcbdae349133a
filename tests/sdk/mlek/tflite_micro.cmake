# SPDX-License-Identifier: Apache-2.0
# Stands in for the file of this name in Arm's Ethos-U core software, which the kit fetches: targets
# tflu and cmsis-nn of the trees that the kit names, with CMSIS-NN's kernels and the NPU's. KERNELS, a list of file names,
# leaves out the others.
set(micro ${TENSORFLOW_PATH}/tensorflow/lite/micro)
set(sources)
foreach(folder IN ITEMS
    lite/micro lite/micro/arena_allocator lite/micro/memory_planner lite/micro/tflite_bridge
    lite/micro/kernels lite/core/c lite/core/api lite/kernels lite/kernels/internal
    lite/kernels/internal/reference compiler/mlir/lite/core/api compiler/mlir/lite/schema)
  file(GLOB found ${TENSORFLOW_PATH}/tensorflow/${folder}/*.cc)
  list(APPEND sources ${found})
endforeach()
set(optimised cmsis_nn)
if(CORE_SOFTWARE_ACCELERATOR STREQUAL "NPU")
  list(APPEND optimised ethos_u)
endif()
foreach(folder IN LISTS optimised)
  file(GLOB found RELATIVE ${micro}/kernels/${folder} ${micro}/kernels/${folder}/*.cc)
  foreach(file IN LISTS found)
    list(REMOVE_ITEM sources ${micro}/kernels/${file})
    list(APPEND sources ${micro}/kernels/${folder}/${file})
  endforeach()
endforeach()
if(NOT KERNELS)
  file(GLOB signal ${TENSORFLOW_PATH}/signal/micro/kernels/*.cc ${TENSORFLOW_PATH}/signal/src/*.cc)
  list(APPEND sources ${signal})
endif()
list(FILTER sources EXCLUDE REGEX "(_test|test_|fake_|mock_|hexdump|recording_|debug_log)[^/]*$")
if(KERNELS) # of a use case that needs no others
  set(others ${sources})
  list(FILTER others INCLUDE REGEX "/kernels/(.*/)?[^/]+[.]cc$")
  foreach(file IN LISTS others)
    get_filename_component(name ${file} NAME)
    if(file MATCHES "/micro/kernels/" AND NOT name IN_LIST KERNELS
       AND NOT name MATCHES "_common[.]cc$|_eval[.]cc$|_util[.]cc$|_utils[.]cc$")
      list(REMOVE_ITEM sources ${file})
    endif()
  endforeach()
endif()
list(APPEND sources ${micro}/cortex_m_generic/debug_log.cc) # the kit sets its callback
set(downloads ${micro}/tools/make/downloads)

add_library(tflu STATIC ${sources})
target_include_directories(tflu SYSTEM PUBLIC ${TENSORFLOW_PATH} ${downloads}/flatbuffers/include
                           ${downloads}/gemmlowp ${downloads}/ruy ${downloads}/kissfft)
target_compile_definitions(tflu PUBLIC TF_LITE_STATIC_MEMORY PRIVATE CMSIS_NN)
target_compile_options(tflu PRIVATE -w -fno-threadsafe-statics)
# the same as in generated projects: GCC 12 and MVE's VCVTN
set_source_files_properties(${micro}/kernels/resize_nearest_neighbor.cc PROPERTIES
                            COMPILE_OPTIONS -fno-if-conversion2)

set(found ${CMSIS_NN_PATH}/Source/SoftmaxFunctions/arm_softmax_s8.c)
if(NOT KERNELS STREQUAL "ethosu.cc" AND NOT KERNELS STREQUAL "none")
  file(GLOB found ${CMSIS_NN_PATH}/Source/*/*.c)
endif()
list(FILTER found EXCLUDE REGEX "_f(16|32)[.]c$")
add_library(cmsis-nn STATIC ${found})
target_include_directories(cmsis-nn PUBLIC ${CMSIS_NN_PATH} ${CMSIS_NN_PATH}/Include)
target_compile_options(cmsis-nn PRIVATE -w)
target_link_libraries(tflu PUBLIC cmsis-nn)
if(TARGET ethosu_core_driver)
  target_link_libraries(tflu PUBLIC ethosu_core_driver)
endif()
