"""Windows to findings. Pure: data and now in, findings out."""
