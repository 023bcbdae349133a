# SPDX-License-Identifier: Apache-2.0
"""The part of TFLite Metadata's schema that labels need, in the notation of ``schema_tables``.

Source: metadata_schema.fbs 1.1.0 of tensorflow/tflite-support; ``-`` skips a field that is not
read. Its identifier is ``M001``."""

METADATA_TABLES: dict[str, str] = {
    "AssociatedFile": "name:$ - type:b -",
    "TensorMetadata": "- - - - - - associated_files:*@AssociatedFile",
    "SubGraphMetadata": (
        "- - - output_tensor_metadata:*@TensorMetadata associated_files:*@AssociatedFile - -"
    ),
    "ModelMetadata": (
        "- - - subgraph_metadata:*@SubGraphMetadata - - associated_files:*@AssociatedFile -"
    ),
}
