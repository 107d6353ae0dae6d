"""The kernel under every source: connector contract, cursors, retry, budget, one outbound door, files."""
