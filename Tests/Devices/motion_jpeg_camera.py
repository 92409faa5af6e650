"""Runs in the emulated machine: shows a JPEG picture as a Motion-JPEG camera, ten times a second, through v4l2loopback.

    motion_jpeg_camera.py /dev/video9 WIDTH HEIGHT FILE
"""

import fcntl
import struct
import sys
import time

S_FMT = 0xC0D05605  # _IOWR('V', 5, struct v4l2_format)
VIDEO_OUTPUT = 2
FIELD_NONE = 1

device, width, height, file = sys.argv[1:]
with open(file, "rb") as picture, open(device, "r+b", buffering=0) as camera:
    jpeg = picture.read()
    form = struct.pack(
        "=IIII4sIII", VIDEO_OUTPUT, 0, int(width), int(height), b"MJPG", FIELD_NONE, 0, len(jpeg))
    fcntl.ioctl(camera, S_FMT, bytearray(form.ljust(208, b"\0")))
    while True:
        camera.write(jpeg)
        time.sleep(0.1)
