"""How a net is trained: modules, losses, recipes, teachers, and one loop."""
