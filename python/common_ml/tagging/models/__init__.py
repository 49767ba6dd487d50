"""What a model author implements, by what the model looks at."""
