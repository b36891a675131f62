"""The parts of `save` and `load`: torch's zip file, a pickle machine that runs nothing, and how tensors are written."""
