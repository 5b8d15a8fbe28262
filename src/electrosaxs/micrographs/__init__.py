"""Images to islands: contrast, outlines, the triangles that explain them, their edges, density and distances."""
