"""Ways to learn from a teacher, a file each; `training.losses` lists them."""
