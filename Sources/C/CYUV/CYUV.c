#include "CYUV.h"

#include <libyuv/convert.h>
#include <libyuv/mjpeg_decoder.h>
#include <libyuv/planar_functions.h>
#include <libyuv/scale.h>

#define TO to.y, to.y_stride, to.u, to.uv_stride, to.v, to.uv_stride
#define FROM from.y, from.y_stride, from.u, from.uv_stride, from.v, from.uv_stride

int perch_yuy2_to_i420(const uint8_t *source, int stride, struct perch_i420 to) {
  return YUY2ToI420(source, stride, TO, to.width, to.height);
}

int perch_uyvy_to_i420(const uint8_t *source, int stride, struct perch_i420 to) {
  return UYVYToI420(source, stride, TO, to.width, to.height);
}

int perch_nv12_to_i420(const uint8_t *y, int y_stride, const uint8_t *uv, int uv_stride, struct perch_i420 to) {
  return NV12ToI420(y, y_stride, uv, uv_stride, TO, to.width, to.height);
}

int perch_i420_copy(struct perch_i420 from, struct perch_i420 to) {
  return I420Copy(FROM, TO, to.width, to.height);
}

int perch_i420_scale(struct perch_i420 from, struct perch_i420 to) {
  return I420Scale(FROM, from.width, from.height, TO, to.width, to.height, kFilterBox);
}

int perch_mjpeg_size(const uint8_t *source, size_t size, int *width, int *height) {
  return MJPGSize(source, size, width, height);
}

int perch_mjpeg_to_i420(const uint8_t *source, size_t size, struct perch_i420 to) {
  return MJPGToI420(source, size, TO, to.width, to.height, to.width, to.height);
}
