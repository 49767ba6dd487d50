"""Write a tagging model as one small class, run it on any media.

Nothing is imported here: a program pays only for the modules that it names.
"""
