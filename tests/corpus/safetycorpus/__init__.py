"""Files that an inspector of model files must judge rightly, made from nothing: opcodes and format bytes written by hand."""
