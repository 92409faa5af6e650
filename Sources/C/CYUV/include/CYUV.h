/// The parts of libyuv that are used, with a picture as one value instead of eight parameters.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Three planes of 8-bit 4:2:0.
struct perch_i420 {
  uint8_t *y, *u, *v;
  int y_stride, uv_stride;
  int width, height;
};

// Each returns 0, or non-zero when the source cannot be what it should be.
int perch_yuy2_to_i420(const uint8_t *source, int stride, struct perch_i420 to);
int perch_uyvy_to_i420(const uint8_t *source, int stride, struct perch_i420 to);
int perch_nv12_to_i420(const uint8_t *y, int y_stride, const uint8_t *uv, int uv_stride, struct perch_i420 to);
int perch_i420_copy(struct perch_i420 from, struct perch_i420 to);
int perch_i420_scale(struct perch_i420 from, struct perch_i420 to);

/// Decodes a Motion-JPEG picture, whose own size must be that of `to`.
int perch_mjpeg_to_i420(const uint8_t *source, size_t size, struct perch_i420 to);

/// The size that a Motion-JPEG picture says it has.
int perch_mjpeg_size(const uint8_t *source, size_t size, int *width, int *height);
