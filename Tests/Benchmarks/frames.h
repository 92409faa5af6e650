// Raw I420 frames from a file, mapped once, in turn and for ever; and the pace of a camera.
#ifndef FRAMES_H
#define FRAMES_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct frames {
  uint8_t *bytes;
  size_t size;   // of one frame
  size_t count;
};

static struct frames frames_open(const char *path, int width, int height) {
  struct frames frames = {.size = (size_t)width * (size_t)height * 3 / 2};
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) {
    perror(path);
    exit(1);
  }
  frames.count = (size_t)status.st_size / frames.size;
  frames.bytes = mmap(NULL, frames.count * frames.size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  close(file);
  if (frames.count == 0 || frames.bytes == MAP_FAILED) {
    fprintf(stderr, "%s holds no frame of %dx%d\n", path, width, height);
    exit(1);
  }
  return frames;
}

static uint8_t *frames_at(const struct frames *frames, size_t index) {
  return frames->bytes + index % frames->count * frames->size;
}

// Sleeps until frame `index` is due, counted from `start`.
static void frames_wait(struct timespec start, size_t index, int rate) {
  int64_t due = (int64_t)start.tv_nsec + (int64_t)index * 1000000000 / rate;
  struct timespec until = {.tv_sec = start.tv_sec + due / 1000000000, .tv_nsec = due % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}

#endif
