"""Trust: keys, sealing, tokens, grants; pure but for the key file."""
