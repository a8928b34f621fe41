"""GGUF files of well-known models as others made them: real keys, vocabularies of the right size, tensors of the right shapes and types.

The files are sparse: the header is real, the weights are a hole. Written from the format's and the quantizer's public descriptions; no
code of ours is used, so that what is computed from these files can be held against ours.
"""
