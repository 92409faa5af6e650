// The floor: what libvpx alone costs for these frames, at a camera's pace, with the settings that Perch gives it
// (Sources/Media/VP8Encoder.swift). No sound, no packets, no network.
//
//   vpx_floor FRAMES WIDTH HEIGHT RATE BITRATE SPEED SECONDS
//
// Prints {"core": fraction of a core, "bitrate": bits a second}.
#include "frames.h"

#include <sys/resource.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

static double seconds_of_cpu(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count != 8) {
    fprintf(stderr, "usage: vpx_floor FRAMES WIDTH HEIGHT RATE BITRATE SPEED SECONDS\n");
    return 64;
  }
  int width = atoi(arguments[2]), height = atoi(arguments[3]), rate = atoi(arguments[4]);
  int bitrate = atoi(arguments[5]), speed = atoi(arguments[6]), seconds = atoi(arguments[7]);
  struct frames frames = frames_open(arguments[1], width, height);

  vpx_codec_enc_cfg_t settings;
  vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &settings, 0);
  settings.g_w = (unsigned)width;
  settings.g_h = (unsigned)height;
  settings.g_threads = 1;
  settings.g_timebase = (vpx_rational_t){1, 1000000};
  settings.g_lag_in_frames = 0;
  settings.kf_mode = VPX_KF_DISABLED;
  settings.rc_end_usage = VPX_CBR;
  settings.rc_target_bitrate = (unsigned)bitrate / 1000;
  settings.rc_dropframe_thresh = 0;
  settings.rc_min_quantizer = 2;
  settings.rc_max_quantizer = 56;
  settings.rc_undershoot_pct = 100;
  settings.rc_overshoot_pct = 15;
  settings.rc_buf_sz = 500;
  settings.rc_buf_initial_sz = 250;
  settings.rc_buf_optimal_sz = 300;
  vpx_codec_ctx_t encoder;
  if (vpx_codec_enc_init(&encoder, vpx_codec_vp8_cx(), &settings, 0) != VPX_CODEC_OK) {
    fprintf(stderr, "libvpx: %s\n", vpx_codec_error(&encoder));
    return 1;
  }
  vpx_codec_control(&encoder, VP8E_SET_CPUUSED, -speed);
  vpx_codec_control(&encoder, VP8E_SET_STATIC_THRESHOLD, 1);
  vpx_codec_control(&encoder, VP8E_SET_NOISE_SENSITIVITY, 0);
  vpx_codec_control(&encoder, VP8E_SET_MAX_INTRA_BITRATE_PCT, 600);

  // The first second settles the rate control and is not counted, as with the senders.
  size_t settle = (size_t)rate, total = settle + (size_t)(seconds * rate), bytes = 0;
  double before = 0;
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (size_t index = 0; index < total; index++) {
    frames_wait(start, index, rate);
    if (index == settle) {
      before = seconds_of_cpu();
      bytes = 0;
    }
    vpx_image_t image;
    vpx_img_wrap(&image, VPX_IMG_FMT_I420, (unsigned)width, (unsigned)height, 1, frames_at(&frames, index));
    int64_t time = (int64_t)index * 1000000 / rate;
    vpx_codec_encode(&encoder, &image, time, 1000000ul / (unsigned long)rate, 0, VPX_DL_REALTIME);
    vpx_codec_iter_t iterator = NULL;
    for (const vpx_codec_cx_pkt_t *packet; (packet = vpx_codec_get_cx_data(&encoder, &iterator));) {
      if (packet->kind == VPX_CODEC_CX_FRAME_PKT) {
        bytes += packet->data.frame.sz;
      }
    }
  }
  printf("{\"core\": %.5f, \"bitrate\": %zu}\n", (seconds_of_cpu() - before) / seconds, bytes * 8 / (size_t)seconds);
  vpx_codec_destroy(&encoder);
  return 0;
}
