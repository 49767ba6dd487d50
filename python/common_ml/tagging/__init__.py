"""From a model class to a program that speaks the tagging contract."""
