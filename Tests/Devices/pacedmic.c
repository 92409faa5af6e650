// pacedmic.c - an ALSA capture PCM that plays a raw file in a loop, in real time (for tests, see with-fake-devices.sh).
//
//   pcm_type.pacedmic { lib "/path/to/this.so" }
//   pcm.testmic { type pacedmic  file "/path/to/tone.raw" }      # S16_LE, 48000 Hz, 2 channels
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <sys/timerfd.h>
#include <time.h>

struct mic {
  snd_pcm_ioplug_t io;
  FILE *file;
  struct timespec start;
  snd_pcm_uframes_t read;
};

static snd_pcm_sframes_t frames_so_far(struct mic *m) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return ((t.tv_sec - m->start.tv_sec) * 1000000000LL + t.tv_nsec - m->start.tv_nsec) * m->io.rate / 1000000000LL;
}

static int start(snd_pcm_ioplug_t *io) {
  struct mic *m = io->private_data;
  long ns = (long)(1000000000LL * (long long)io->period_size / io->rate);
  struct itimerspec period = {{0, ns}, {0, ns}};
  clock_gettime(CLOCK_MONOTONIC, &m->start);
  m->read = 0;
  return timerfd_settime(io->poll_fd, 0, &period, NULL);
}

static int stop(snd_pcm_ioplug_t *io) {
  struct itimerspec never = {0};
  return timerfd_settime(io->poll_fd, 0, &never, NULL);
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
  struct mic *m = io->private_data;
  snd_pcm_sframes_t at = frames_so_far(m);
  if (at - (snd_pcm_sframes_t)m->read > (snd_pcm_sframes_t)io->buffer_size) return -EPIPE;  // overrun
  return at % (snd_pcm_sframes_t)io->buffer_size;
}

static snd_pcm_sframes_t transfer(
    snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *area, snd_pcm_uframes_t offset, snd_pcm_uframes_t count) {
  struct mic *m = io->private_data;
  char *to = (char *)area->addr + (area->first + area->step * offset) / 8;
  for (size_t want = count * 4, got; want; want -= got) {
    got = fread(to, 1, want, m->file);
    to += got;
    if (got < want) rewind(m->file);
  }
  m->read += count;
  return (snd_pcm_sframes_t)count;
}

static int revents(snd_pcm_ioplug_t *io, struct pollfd *p, unsigned count, unsigned short *result) {
  unsigned long long ticks;
  (void)count;
  *result = 0;
  if (p[0].revents & POLLIN && snd_pcm_avail_update(io->pcm) >= (snd_pcm_sframes_t)io->period_size) *result = POLLIN;
  if (read(io->poll_fd, &ticks, sizeof ticks) < 0) return 0;
  return 0;
}

static int close_mic(snd_pcm_ioplug_t *io) {
  struct mic *m = io->private_data;
  fclose(m->file);
  close(io->poll_fd);
  free(m);
  return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = start, .stop = stop, .pointer = pointer, .transfer = transfer, .close = close_mic, .poll_revents = revents};

SND_PCM_PLUGIN_DEFINE_FUNC(pacedmic) {
  const char *path = NULL;
  snd_config_iterator_t i, next;
  (void)root;
  snd_config_for_each(i, next, conf) {
    snd_config_t *node = snd_config_iterator_entry(i);
    const char *id;
    if (snd_config_get_id(node, &id) == 0 && !strcmp(id, "file")) snd_config_get_string(node, &path);
  }
  if (stream != SND_PCM_STREAM_CAPTURE || !path) return -EINVAL;
  struct mic *m = calloc(1, sizeof *m);
  m->file = fopen(path, "rb");
  if (!m->file) {
    int error = -errno;
    free(m);
    return error;
  }
  m->io = (snd_pcm_ioplug_t){
      .version = SND_PCM_IOPLUG_VERSION, .name = "Paced test microphone", .callback = &callbacks, .private_data = m,
      .poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), .poll_events = POLLIN};
  int error = snd_pcm_ioplug_create(&m->io, name, stream, mode);
  if (error < 0) return error;
  unsigned access[] = {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED}, format[] = {SND_PCM_FORMAT_S16_LE};
  snd_pcm_ioplug_set_param_list(&m->io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
  snd_pcm_ioplug_set_param_list(&m->io, SND_PCM_IOPLUG_HW_FORMAT, 1, format);
  snd_pcm_ioplug_set_param_minmax(&m->io, SND_PCM_IOPLUG_HW_CHANNELS, 2, 2);
  snd_pcm_ioplug_set_param_minmax(&m->io, SND_PCM_IOPLUG_HW_RATE, 48000, 48000);
  snd_pcm_ioplug_set_param_minmax(&m->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 1 << 20);
  snd_pcm_ioplug_set_param_minmax(&m->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 1024);
  *pcmp = m->io.pcm;
  return 0;
}
SND_PCM_PLUGIN_SYMBOL(pacedmic);
