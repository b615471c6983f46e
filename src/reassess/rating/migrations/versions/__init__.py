"""One script a version of the schema, oldest first by number."""
