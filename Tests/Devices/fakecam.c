// fakecam.c - a libv4l2 plugin that makes a regular file act as a camera (for tests, see with-fake-devices.sh).
//
// A file is a camera as long as it starts with "FAKECAM\n": write something else there to pull the plug, and that to put it
// back. Offers YUYV and I420 at 640x480, 30 frames a second, and the control Brightness. Luma is the same all over the picture:
// brightness + 2 * frame, modulo 128, plus 64. Where FAKECAM_JPEG names a JPEG picture, it also offers that, as MJPG. The buffers are pages of the file itself, so mapping them needs no help.
//
// poll() calls a regular file always readable. So the first VIDIOC_DQBUF waits for the frame that is due, even without
// blocking, and the next one says EAGAIN: a reader that polls, and takes all that is there, never spins.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libv4l-plugin.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 640, HEIGHT = 480, LUMA = WIDTH * HEIGHT, SIZE = LUMA * 2, BUFFERS = 8, FIRST = 4096, BLACK = 128 };

struct camera {
  __u32 fourcc;
  int brightness;
  int count, streaming, taken;
  int queue[BUFFERS + 1], head, tail;
  unsigned sequence;
  struct timespec next;
};

static int is_plugged_in(int fd) {
  char magic[8];
  return pread(fd, magic, sizeof magic, 0) == sizeof magic && !memcmp(magic, "FAKECAM\n", sizeof magic);
}

static void *camera_open(int fd) {
  struct stat status;
  if (fstat(fd, &status) || !S_ISREG(status.st_mode) || !is_plugged_in(fd)) return NULL;
  struct camera *c = calloc(1, sizeof *c);
  c->brightness = 10;
  c->fourcc = V4L2_PIX_FMT_YUYV;
  return c;
}

static void camera_close(void *p) { free(p); }

static int fail(int error) {
  errno = error;
  return -1;
}

static const __u32 formats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_MJPEG};

static __u32 format_count(void) { return getenv("FAKECAM_JPEG") ? 3 : 2; }

static int read_jpeg(unsigned char *frame) {
  int file = open(getenv("FAKECAM_JPEG"), O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? -1 : read(file, frame, SIZE);
  if (file >= 0) close(file);
  return (int)size;
}

static void fill_format(struct v4l2_format *f, __u32 fourcc) {
  int is_yuyv = fourcc == V4L2_PIX_FMT_YUYV;
  memset(&f->fmt, 0, sizeof f->fmt);
  f->fmt.pix = (struct v4l2_pix_format){
      .width = WIDTH, .height = HEIGHT, .pixelformat = fourcc, .field = V4L2_FIELD_NONE,
      .bytesperline = is_yuyv ? WIDTH * 2 : fourcc == V4L2_PIX_FMT_MJPEG ? 0 : WIDTH,
      .sizeimage = fourcc == V4L2_PIX_FMT_YUV420 ? LUMA * 3 / 2 : SIZE,
      .colorspace = V4L2_COLORSPACE_SRGB};
}

static int dequeue(struct camera *c, int fd, struct v4l2_buffer *b) {
  static unsigned char frame[SIZE];
  struct timespec now;
  if (!is_plugged_in(fd)) return fail(ENODEV);
  if (!c->streaming) return fail(EINVAL);
  clock_gettime(CLOCK_MONOTONIC, &now);
  int is_due = now.tv_sec > c->next.tv_sec || (now.tv_sec == c->next.tv_sec && now.tv_nsec >= c->next.tv_nsec);
  if (c->head == c->tail || (c->taken && !is_due)) {
    c->taken = 0;
    return fail(EAGAIN);
  }
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &c->next, NULL);
  c->next.tv_nsec += 33333333;
  if (c->next.tv_nsec >= 1000000000) c->next.tv_nsec -= 1000000000, c->next.tv_sec++;

  int i = c->queue[c->head];
  c->head = (c->head + 1) % (BUFFERS + 1);
  int luma = 64 + (c->brightness + 2 * (int)c->sequence) % 128;
  int size = c->fourcc == V4L2_PIX_FMT_YUYV ? SIZE : LUMA * 3 / 2;
  if (c->fourcc == V4L2_PIX_FMT_YUYV) {
    for (int at = 0; at < SIZE; at += 2) frame[at] = (unsigned char)luma, frame[at + 1] = BLACK;
  } else if (c->fourcc == V4L2_PIX_FMT_MJPEG) {
    size = read_jpeg(frame);
    if (size < 0) return fail(EIO);
  } else {
    memset(frame, luma, LUMA);
    memset(frame + LUMA, BLACK, LUMA / 2);
  }
  if (pwrite(fd, frame, (size_t)size, FIRST + (off_t)i * SIZE) != size) return -1;
  clock_gettime(CLOCK_MONOTONIC, &now);
  c->taken = 1;
  b->index = (__u32)i;
  b->bytesused = (__u32)size;
  b->length = SIZE;
  b->sequence = c->sequence++;
  b->field = V4L2_FIELD_NONE;
  b->m.offset = FIRST + (__u32)i * SIZE;
  b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_DONE;
  b->timestamp = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

static int camera_ioctl(void *p, int fd, unsigned long request, void *argument) {
  struct camera *c = p;
  switch ((unsigned)request) {
  case (unsigned)VIDIOC_QUERYCAP: {
    struct v4l2_capability *q = argument;
    memset(q, 0, sizeof *q);
    strcpy((char *)q->driver, "fakecam");
    strcpy((char *)q->card, "Fake camera");
    strcpy((char *)q->bus_info, "platform:fakecam");
    q->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    q->capabilities = q->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
  }
  case (unsigned)VIDIOC_ENUM_FMT: {
    struct v4l2_fmtdesc *f = argument;
    if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || f->index >= format_count()) return fail(EINVAL);
    static const char *const names[] = {"YUYV 4:2:2", "Planar YUV 4:2:0", "Motion-JPEG"};
    f->flags = formats[f->index] == V4L2_PIX_FMT_MJPEG ? V4L2_FMT_FLAG_COMPRESSED : 0;
    f->pixelformat = formats[f->index];
    strcpy((char *)f->description, names[f->index]);
    return 0;
  }
  case (unsigned)VIDIOC_ENUM_FRAMESIZES: {
    struct v4l2_frmsizeenum *s = argument;
    if (s->index) return fail(EINVAL);
    s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    s->discrete.width = WIDTH;
    s->discrete.height = HEIGHT;
    return 0;
  }
  case (unsigned)VIDIOC_ENUM_FRAMEINTERVALS: {
    struct v4l2_frmivalenum *s = argument;
    if (s->index) return fail(EINVAL);
    s->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    s->discrete = (struct v4l2_fract){1, 30};
    return 0;
  }
  case (unsigned)VIDIOC_G_FMT: fill_format(argument, c->fourcc); return 0;
  case (unsigned)VIDIOC_S_FMT:
  case (unsigned)VIDIOC_TRY_FMT: {
    struct v4l2_format *f = argument;
    if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    __u32 fourcc = V4L2_PIX_FMT_YUYV;
    for (__u32 i = 0; i < format_count(); i++)
      if (formats[i] == f->fmt.pix.pixelformat) fourcc = formats[i];
    fill_format(f, fourcc);
    if ((unsigned)request == (unsigned)VIDIOC_S_FMT) c->fourcc = fourcc;
    return 0;
  }
  case (unsigned)VIDIOC_G_PARM:
  case (unsigned)VIDIOC_S_PARM: {
    struct v4l2_streamparm *s = argument;
    s->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    s->parm.capture.timeperframe = (struct v4l2_fract){1, 30};
    return 0;
  }
  case (unsigned)VIDIOC_QUERYCTRL: {
    struct v4l2_queryctrl *q = argument;
    if (q->id != V4L2_CID_BRIGHTNESS) return fail(EINVAL);
    q->type = V4L2_CTRL_TYPE_INTEGER;
    strcpy((char *)q->name, "Brightness");
    q->minimum = 0;
    q->maximum = 100;
    q->step = 1;
    q->default_value = 10;
    return 0;
  }
  case (unsigned)VIDIOC_G_CTRL: ((struct v4l2_control *)argument)->value = c->brightness; return 0;
  case (unsigned)VIDIOC_S_CTRL: c->brightness = ((struct v4l2_control *)argument)->value; return 0;
  case (unsigned)VIDIOC_REQBUFS: {
    struct v4l2_requestbuffers *r = argument;
    if (r->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    if (r->count > BUFFERS) r->count = BUFFERS;
    if (r->count && ftruncate(fd, FIRST + (off_t)r->count * SIZE)) return -1;
    c->count = (int)r->count;
    c->head = c->tail = c->streaming = 0;
    return 0;
  }
  case (unsigned)VIDIOC_QUERYBUF:
  case (unsigned)VIDIOC_QBUF: {
    struct v4l2_buffer *b = argument;
    if ((int)b->index >= c->count) return fail(EINVAL);
    b->length = SIZE;
    b->m.offset = FIRST + b->index * SIZE;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if ((unsigned)request == (unsigned)VIDIOC_QBUF) {
      c->queue[c->tail] = (int)b->index;
      c->tail = (c->tail + 1) % (BUFFERS + 1);
      b->flags |= V4L2_BUF_FLAG_QUEUED;
    }
    return 0;
  }
  case (unsigned)VIDIOC_STREAMON:
    c->streaming = 1;
    c->sequence = 0;
    c->taken = 0;
    clock_gettime(CLOCK_MONOTONIC, &c->next);
    return 0;
  case (unsigned)VIDIOC_STREAMOFF:
    c->streaming = 0;
    c->head = c->tail = 0;
    return 0;
  case (unsigned)VIDIOC_DQBUF: return dequeue(c, fd, argument);
  }
  return fail(ENOTTY);
}

const struct libv4l_dev_ops libv4l2_plugin = {.init = camera_open, .close = camera_close, .ioctl = camera_ioctl};
