"""Ends cleanly without having read anything."""

import contract

print("nothing to do")
contract.OUTPUT.close()
