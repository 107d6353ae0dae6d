"""One folder per source. Nothing outside a folder names it; the kernel finds them by looking (DESIGN 1.5)."""
