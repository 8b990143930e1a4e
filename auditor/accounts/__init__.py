"""People, projects, and who may do what where."""
