"""A JPEG of about 200 KB from a photo: 1400 pixels at its longer side."""

import sys

from PIL import Image

source, target = sys.argv[1:]
image = Image.open(source)
image.thumbnail((1400, 1400))
image.convert("RGB").save(target, quality=78)
