"""Loads for ever and never comes to its input."""

import signal

import contract

contract.OUTPUT.close()
signal.pause()
