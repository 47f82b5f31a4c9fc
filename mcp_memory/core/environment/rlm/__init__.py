"""The loop in which a language model works on an environment with code until it has reached a goal.

The long material is variables. The model sees only their shape, writes code to look into them, sends pieces to plain
calls of a model from that code, keeps what it finds in variables, and says when one of them holds the answer.
"""
