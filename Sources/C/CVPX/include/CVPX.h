/// libvpx for Swift: interfaces hidden in macros, and the variadic control call.
#pragma once
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

vpx_codec_err_t perch_vp8_defaults(vpx_codec_enc_cfg_t *configuration);
vpx_codec_err_t perch_vp8_encoder_open(vpx_codec_ctx_t *context, const vpx_codec_enc_cfg_t *configuration);
vpx_codec_err_t perch_vp8_decoder_open(vpx_codec_ctx_t *context);
vpx_codec_err_t perch_vpx_control(vpx_codec_ctx_t *context, int control, int value);

/// One picture in, by its planes; realtime deadline.
vpx_codec_err_t perch_vp8_encode(
    vpx_codec_ctx_t *context, unsigned width, unsigned height, const unsigned char *const planes[3],
    const int strides[3], vpx_codec_pts_t pts, unsigned long duration, int keyframe);

/// The next compressed frame, or NULL. `keyframe` says what it is.
const void *perch_vpx_frame(vpx_codec_ctx_t *context, vpx_codec_iter_t *iterator, size_t *size, int *keyframe);

/// Fixes the size from which allocations come from the kernel and go back there when freed. glibc would raise it with the first
/// frame store that is freed, and keep all later ones in its heap: half of a live process' memory, while nobody watches.
void perch_keep_heap_small(void);
