"""What each page shows, computed from the model's types by functions that touch nothing else."""
