#include "CV4L.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

static const unsigned long requests[] = {
    [PERCH_QUERYCAP] = VIDIOC_QUERYCAP,
    [PERCH_ENUM_FMT] = VIDIOC_ENUM_FMT,
    [PERCH_ENUM_FRAMESIZES] = VIDIOC_ENUM_FRAMESIZES,
    [PERCH_ENUM_FRAMEINTERVALS] = VIDIOC_ENUM_FRAMEINTERVALS,
    [PERCH_G_FMT] = VIDIOC_G_FMT,
    [PERCH_S_FMT] = VIDIOC_S_FMT,
    [PERCH_S_PARM] = VIDIOC_S_PARM,
    [PERCH_REQBUFS] = VIDIOC_REQBUFS,
    [PERCH_QUERYBUF] = VIDIOC_QUERYBUF,
    [PERCH_QBUF] = VIDIOC_QBUF,
    [PERCH_DQBUF] = VIDIOC_DQBUF,
    [PERCH_STREAMON] = VIDIOC_STREAMON,
    [PERCH_STREAMOFF] = VIDIOC_STREAMOFF,
    [PERCH_QUERYCTRL] = VIDIOC_QUERYCTRL,
    [PERCH_QUERYMENU] = VIDIOC_QUERYMENU,
    [PERCH_G_CTRL] = VIDIOC_G_CTRL,
    [PERCH_S_CTRL] = VIDIOC_S_CTRL,
};

int perch_v4l2_ioctl(int descriptor, enum perch_v4l2_request request, void *argument) {
  for (;;) {
    errno = 0;
    if (v4l2_ioctl(descriptor, requests[request], argument) >= 0) return 0;
    if (errno != EINTR) return errno ? errno : EIO;
  }
}

// libv4l2 writes to stderr whatever fails, "no frame yet" included. What matters is returned, and reported by us.
static void silence(void) { v4l2_log_file = fopen("/dev/null", "we"); }

int perch_v4l2_open(const char *path) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, silence);
  for (;;) {
    errno = 0;
    int descriptor = v4l2_open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
    if (descriptor >= 0) return descriptor;
    if (errno != EINTR) return errno ? -errno : -EIO;
  }
}
