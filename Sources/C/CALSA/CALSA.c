#define _GNU_SOURCE
#include "CALSA.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

static void ignore(const char *file, int line, const char *function, int error, const char *format, ...) {
  (void)file, (void)line, (void)function, (void)error, (void)format;
}

void perch_alsa_silence(void) { snd_lib_error_set_handler(ignore); }

static int configure(snd_pcm_t *pcm, struct perch_pcm_parameters *p) {
  snd_pcm_hw_params_t *hardware;
  snd_pcm_sw_params_t *software;
  int error;
  snd_pcm_hw_params_alloca(&hardware);
  snd_pcm_sw_params_alloca(&software);
  snd_pcm_uframes_t period = p->period, buffer = p->buffer;
  if ((error = snd_pcm_hw_params_any(pcm, hardware)) < 0) return error;
  if ((error = snd_pcm_hw_params_set_access(pcm, hardware, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0) return error;
  if ((error = snd_pcm_hw_params_set_format(pcm, hardware, SND_PCM_FORMAT_S16)) < 0) return error;
  if ((error = snd_pcm_hw_params_set_channels_near(pcm, hardware, &p->channels)) < 0) return error;
  if ((error = snd_pcm_hw_params_set_rate(pcm, hardware, p->rate, 0)) < 0) return error;
  if ((error = snd_pcm_hw_params_set_period_size_near(pcm, hardware, &period, NULL)) < 0) return error;
  if (buffer < 3 * period) buffer = 3 * period;
  if ((error = snd_pcm_hw_params_set_buffer_size_near(pcm, hardware, &buffer)) < 0) return error;
  if ((error = snd_pcm_hw_params(pcm, hardware)) < 0) return error;
  if ((error = snd_pcm_sw_params_current(pcm, software)) < 0) return error;
  if ((error = snd_pcm_sw_params_set_avail_min(pcm, software, period)) < 0) return error;
  if ((error = snd_pcm_sw_params_set_start_threshold(pcm, software, 1)) < 0) return error;
  snd_pcm_sw_params_set_tstamp_mode(pcm, software, SND_PCM_TSTAMP_ENABLE);
  snd_pcm_sw_params_set_tstamp_type(pcm, software, SND_PCM_TSTAMP_TYPE_MONOTONIC);
  if ((error = snd_pcm_sw_params(pcm, software)) < 0) return error;
  p->period = period;
  p->buffer = buffer;
  return 0;
}

int perch_pcm_open(snd_pcm_t **pcm, const char *name, struct perch_pcm_parameters *parameters) {
  int error = snd_pcm_open(pcm, name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
  if (error < 0) return error;
  error = configure(*pcm, parameters);
  if (error >= 0) error = snd_pcm_start(*pcm);
  if (error < 0) {
    snd_pcm_close(*pcm);
    *pcm = NULL;
  }
  return error < 0 ? error : 0;
}

int perch_pcm_locate(snd_pcm_t *pcm, struct perch_pcm_position *position) {
  snd_pcm_status_t *status;
  snd_htimestamp_t stamp;
  snd_pcm_status_alloca(&status);
  int error = snd_pcm_status(pcm, status);
  if (error < 0) return error;
  switch (snd_pcm_status_get_state(status)) {
  case SND_PCM_STATE_XRUN: return -EPIPE;
  case SND_PCM_STATE_SUSPENDED: return -ESTRPIPE;
  case SND_PCM_STATE_DISCONNECTED: return -ENODEV;
  default: break;
  }
  snd_pcm_status_get_htstamp(status, &stamp);
  position->available = (long)snd_pcm_status_get_avail(status);
  position->nanoseconds = stamp.tv_sec * INT64_C(1000000000) + stamp.tv_nsec;
  return 0;
}

unsigned perch_pcm_wait(snd_pcm_t *pcm, int command, int64_t nanoseconds) {
  struct pollfd entries[16] = {{.fd = command, .events = POLLIN}};
  struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  unsigned short events = 0;
  unsigned ready = 0;
  int count = snd_pcm_poll_descriptors(pcm, entries + 1, 15);
  if (count < 0) return 1;  // what is wrong will show when it is read
  if (ppoll(entries, (nfds_t)count + 1, &time, NULL) <= 0) return 0;
  if (entries[0].revents) ready |= 2;
  // A plugin may need to look at its own descriptors, ready or not.
  if (snd_pcm_poll_descriptors_revents(pcm, entries + 1, (unsigned)count, &events) < 0 || events) ready |= 1;
  return ready;
}

int perch_pcm_recover(snd_pcm_t *pcm, int error) {
  error = snd_pcm_recover(pcm, error, 1);
  return error < 0 ? error : snd_pcm_start(pcm);
}

int perch_capture_devices(struct perch_capture_device *devices, int capacity) {
  int found = 0;
  snd_ctl_card_info_t *card_info;
  snd_pcm_info_t *pcm_info;
  snd_ctl_card_info_alloca(&card_info);
  snd_pcm_info_alloca(&pcm_info);
  for (int card = -1; snd_card_next(&card) >= 0 && card >= 0;) {
    char name[16];
    snd_ctl_t *control;
    snprintf(name, sizeof name, "hw:%d", card);
    if (snd_ctl_open(&control, name, SND_CTL_NONBLOCK) < 0) continue;
    if (snd_ctl_card_info(control, card_info) >= 0) {
      for (int device = -1; snd_ctl_pcm_next_device(control, &device) >= 0 && device >= 0 && found < capacity;) {
        snd_pcm_info_set_device(pcm_info, device);
        snd_pcm_info_set_subdevice(pcm_info, 0);
        snd_pcm_info_set_stream(pcm_info, SND_PCM_STREAM_CAPTURE);
        if (snd_ctl_pcm_info(control, pcm_info) < 0) continue;
        struct perch_capture_device *d = &devices[found++];
        snprintf(d->card_id, sizeof d->card_id, "%s", snd_ctl_card_info_get_id(card_info));
        snprintf(d->card_name, sizeof d->card_name, "%s", snd_ctl_card_info_get_name(card_info));
        snprintf(d->device_name, sizeof d->device_name, "%s", snd_pcm_info_get_name(pcm_info));
        d->card = card;
        d->device = device;
      }
    }
    snd_ctl_close(control);
  }
  return found;
}
