#include "CVPX.h"

#include <malloc.h>

vpx_codec_err_t perch_vp8_defaults(vpx_codec_enc_cfg_t *configuration) {
  return vpx_codec_enc_config_default(vpx_codec_vp8_cx(), configuration, 0);
}

vpx_codec_err_t perch_vp8_encoder_open(vpx_codec_ctx_t *context, const vpx_codec_enc_cfg_t *configuration) {
  return vpx_codec_enc_init(context, vpx_codec_vp8_cx(), configuration, 0);
}

vpx_codec_err_t perch_vp8_decoder_open(vpx_codec_ctx_t *context) {
  return vpx_codec_dec_init(context, vpx_codec_vp8_dx(), NULL, 0);
}

vpx_codec_err_t perch_vpx_control(vpx_codec_ctx_t *context, int control, int value) {
  return vpx_codec_control_(context, control, value);
}

vpx_codec_err_t perch_vp8_encode(
    vpx_codec_ctx_t *context, unsigned width, unsigned height, const unsigned char *const planes[3],
    const int strides[3], vpx_codec_pts_t pts, unsigned long duration, int keyframe) {
  vpx_image_t image;
  // The encoder takes an image that is not const, and copies it into its own buffers without changing it.
  if (!vpx_img_wrap(&image, VPX_IMG_FMT_I420, width, height, 1, (unsigned char *)planes[0])) return VPX_CODEC_INVALID_PARAM;
  for (int plane = 0; plane < 3; plane++) {
    image.planes[plane] = (unsigned char *)planes[plane];
    image.stride[plane] = strides[plane];
  }
  return vpx_codec_encode(context, &image, pts, duration, keyframe ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
}

const void *perch_vpx_frame(vpx_codec_ctx_t *context, vpx_codec_iter_t *iterator, size_t *size, int *keyframe) {
  const vpx_codec_cx_pkt_t *packet;
  while ((packet = vpx_codec_get_cx_data(context, iterator))) {
    if (packet->kind != VPX_CODEC_CX_FRAME_PKT) continue;
    *size = packet->data.frame.sz;
    *keyframe = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
    return packet->data.frame.buf;
  }
  return NULL;
}

void perch_keep_heap_small(void) { mallopt(M_MMAP_THRESHOLD, 128 * 1024); }
