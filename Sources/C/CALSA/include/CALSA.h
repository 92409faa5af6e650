/// alsa-lib for Swift: fixed parameters, the alloca'd structures, and the variadic error handler.
#pragma once
#include <alsa/asoundlib.h>
#include <stdint.h>

/// What a capture PCM was opened with.
struct perch_pcm_parameters {
  unsigned channels;
  unsigned rate;
  unsigned long period;
  unsigned long buffer;
};

/// Where a running capture stands: `available` frames wait, the last of which was captured at `nanoseconds` of
/// CLOCK_MONOTONIC (0 when the driver does not say).
struct perch_pcm_position {
  long available;
  int64_t nanoseconds;
};

/// A capture device of a sound card.
struct perch_capture_device {
  char card_id[64];
  char card_name[96];
  char device_name[96];
  int card;
  int device;
};

/// Stops alsa-lib from writing its own messages to stderr: what failed is returned and reported by us.
void perch_alsa_silence(void);

/// Opens `name` for 16-bit interleaved capture without blocking, as close to `parameters` as the device can; what it took is written back.
/// 0, or a negative errno value.
int perch_pcm_open(snd_pcm_t **pcm, const char *name, struct perch_pcm_parameters *parameters);

/// 0, or a negative errno value (-EPIPE after an overrun, -ENODEV after unplugging).
int perch_pcm_locate(snd_pcm_t *pcm, struct perch_pcm_position *position);

/// Waits until a period is there, `command` is readable, or `nanoseconds` have passed. Bit 0: look at the device; bit 1: the command.
unsigned perch_pcm_wait(snd_pcm_t *pcm, int command, int64_t nanoseconds);

/// Brings a capture back after an overrun or a suspended machine. 0, or a negative errno value.
int perch_pcm_recover(snd_pcm_t *pcm, int error);

/// Finds up to `capacity` capture devices. How many.
int perch_capture_devices(struct perch_capture_device *devices, int capacity);
