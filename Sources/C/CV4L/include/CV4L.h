/// libv4l2 for Swift: what the importer cannot see (request numbers made of macros, a variadic ioctl).
#pragma once
#include <linux/videodev2.h>
#include <libv4l2.h>
#include <stddef.h>
#include <stdio.h>

enum perch_v4l2_request {
  PERCH_QUERYCAP,
  PERCH_ENUM_FMT,
  PERCH_ENUM_FRAMESIZES,
  PERCH_ENUM_FRAMEINTERVALS,
  PERCH_G_FMT,
  PERCH_S_FMT,
  PERCH_S_PARM,
  PERCH_REQBUFS,
  PERCH_QUERYBUF,
  PERCH_QBUF,
  PERCH_DQBUF,
  PERCH_STREAMON,
  PERCH_STREAMOFF,
  PERCH_QUERYCTRL,
  PERCH_QUERYMENU,
  PERCH_G_CTRL,
  PERCH_S_CTRL,
};

/// `v4l2_ioctl` with the request by name; repeated after EINTR. 0, or an errno value.
int perch_v4l2_ioctl(int descriptor, enum perch_v4l2_request request, void *argument);

/// `v4l2_open`, close-on-exec and non-blocking. The descriptor, or an errno value made negative.
int perch_v4l2_open(const char *path);
