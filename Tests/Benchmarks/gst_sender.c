// A peer to measure against: GStreamer, one vp8enc for all viewers, one payloader and webrtcbin for each.
//
//   gst_sender FRAMES WIDTH HEIGHT RATE BITRATE SPEED
//
// Standard input brings "OFFER id length\n" and so many bytes of SDP; standard output answers "ANSWER id length\n" and
// SDP with all candidates, or "FAILED id reason\n". Data channels echo, except `sink`, which counts and tells at "done".
// A viewer that leaves stays until the process ends: each measurement has a process of its own.
#include "frames.h"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/video/video.h>
#include <string.h>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

static GstElement *pipeline;
static struct frames frames;
static int width, height, rate;

struct viewer {
  int id;
  gboolean answered;
  GstElement *webrtc;
};

// MARK: Frames in

static gpointer push_frames(gpointer source) {
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (size_t index = 0;; index++) {
    frames_wait(start, index, rate);
    GstBuffer *buffer = gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, frames_at(&frames, index), frames.size, 0, frames.size, NULL, NULL);
    if (gst_app_src_push_buffer(GST_APP_SRC(source), buffer) != GST_FLOW_OK) {
      return NULL;
    }
  }
}

// MARK: Answers out

static void fail(struct viewer *viewer, const char *reason) {
  printf("FAILED %d %s\n", viewer->id, reason);
  fflush(stdout);
}

static void send_answer_when_gathered(GstElement *webrtc, GParamSpec *property, gpointer context) {
  (void)property;
  struct viewer *viewer = context;
  GstWebRTCICEGatheringState state;
  GstWebRTCSessionDescription *answer = NULL;
  g_object_get(webrtc, "ice-gathering-state", &state, "local-description", &answer, NULL);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE && answer && !viewer->answered) {
    viewer->answered = TRUE;
    char *text = gst_sdp_message_as_text(answer->sdp);
    printf("ANSWER %d %zu\n%s", viewer->id, strlen(text), text);
    fflush(stdout);
    g_free(text);
  }
  g_clear_pointer(&answer, gst_webrtc_session_description_free);
}

static void set_answer(GstPromise *promise, gpointer context) {
  struct viewer *viewer = context;
  GstWebRTCSessionDescription *answer = NULL;
  gst_structure_get(
    gst_promise_get_reply(promise), "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, NULL);
  gst_promise_unref(promise);
  if (!answer) {
    fail(viewer, "webrtcbin made no answer");
    return;
  }
  g_signal_emit_by_name(viewer->webrtc, "set-local-description", answer, NULL);
  gst_webrtc_session_description_free(answer);
  send_answer_when_gathered(viewer->webrtc, NULL, viewer);
}

static void create_answer(GstPromise *promise, gpointer context) {
  struct viewer *viewer = context;
  gst_promise_unref(promise);
  g_signal_emit_by_name(
    viewer->webrtc, "create-answer", NULL, gst_promise_new_with_change_func(set_answer, viewer, NULL));
}

// MARK: Data channels

static guint64 sunk;

static gboolean is_sink(GObject *channel) {
  char *label = NULL;
  g_object_get(channel, "label", &label, NULL);
  gboolean result = g_strcmp0(label, "sink") == 0;
  g_free(label);
  return result;
}

static void echo_text(GObject *channel, const char *text, gpointer context) {
  (void)context;
  if (is_sink(channel)) {
    char *total = g_strdup_printf("%" G_GUINT64_FORMAT, sunk);
    g_signal_emit_by_name(channel, "send-string", total);
    g_free(total);
  } else {
    g_signal_emit_by_name(channel, "send-string", text);
  }
}

static void echo_bytes(GObject *channel, GBytes *bytes, gpointer context) {
  (void)context;
  if (is_sink(channel)) {
    sunk += g_bytes_get_size(bytes);
  } else {
    g_signal_emit_by_name(channel, "send-data", bytes);
  }
}

static void serve_channel(GstElement *webrtc, GObject *channel, gpointer context) {
  (void)webrtc;
  (void)context;
  g_signal_connect(channel, "on-message-string", G_CALLBACK(echo_text), NULL);
  g_signal_connect(channel, "on-message-data", G_CALLBACK(echo_bytes), NULL);
}

// MARK: Viewers

// The payload type that an m-line gives to a codec, or -1.
static int payload_type(const GstSDPMedia *media, const char *codec) {
  for (guint index = 0; index < gst_sdp_media_attributes_len(media); index++) {
    const GstSDPAttribute *attribute = gst_sdp_media_get_attribute(media, index);
    const char *name = strchr(attribute->value ? attribute->value : "", ' ');
    if (strcmp(attribute->key, "rtpmap") == 0 && name && g_ascii_strncasecmp(name + 1, codec, strlen(codec)) == 0) {
      return atoi(attribute->value);
    }
  }
  return -1;
}

// Links an encoded stream to the viewer's next m-line.
static void send_stream(struct viewer *viewer, const char *stream, const char *payloader, int type) {
  char *text = g_strdup_printf("queue leaky=downstream max-size-buffers=30 ! %s name=pay pt=%d", payloader, type);
  GstElement *branch = gst_parse_bin_from_description(text, TRUE, NULL);
  g_free(text);
  gst_bin_add(GST_BIN(pipeline), branch);
  GstElement *tee = gst_bin_get_by_name(GST_BIN(pipeline), stream);
  gst_element_link_pads(branch, "src", viewer->webrtc, "sink_%u");
  gst_element_sync_state_with_parent(branch);
  gst_element_link_pads(tee, "src_%u", branch, "sink");
  gst_object_unref(tee);
}

static void force_keyframe(void) {
  GstElement *encoder = gst_bin_get_by_name(GST_BIN(pipeline), "encoder");
  gst_element_send_event(encoder, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1));
  gst_object_unref(encoder);
}

// What was sent before is lost: a picture begins with a keyframe.
static void force_keyframe_when_connected(GstElement *webrtc, GParamSpec *property, gpointer context) {
  (void)property;
  (void)context;
  GstWebRTCPeerConnectionState state;
  g_object_get(webrtc, "connection-state", &state, NULL);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED) {
    force_keyframe();
  }
}

static void add_viewer(int id, const char *offer) {
  struct viewer *viewer = g_new0(struct viewer, 1);
  viewer->id = id;
  GstSDPMessage *message;
  gst_sdp_message_new_from_text(offer, &message);

  viewer->webrtc = gst_element_factory_make("webrtcbin", NULL);
  g_object_set(viewer->webrtc, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  g_signal_connect(viewer->webrtc, "on-data-channel", G_CALLBACK(serve_channel), NULL);
  g_signal_connect(viewer->webrtc, "notify::ice-gathering-state", G_CALLBACK(send_answer_when_gathered), viewer);
  g_signal_connect(
    viewer->webrtc, "notify::connection-state", G_CALLBACK(force_keyframe_when_connected), NULL);
  gst_bin_add(GST_BIN(pipeline), viewer->webrtc);
  gst_element_sync_state_with_parent(viewer->webrtc);
  for (guint index = 0; index < gst_sdp_message_medias_len(message); index++) {
    const GstSDPMedia *media = gst_sdp_message_get_media(message, index);
    int vp8 = payload_type(media, "VP8/"), opus = payload_type(media, "opus/");
    if (vp8 >= 0) {
      send_stream(viewer, "video", "rtpvp8pay picture-id-mode=15-bit", vp8);
    } else if (opus >= 0) {
      send_stream(viewer, "audio", "rtpopuspay", opus);
    }
  }
  GstWebRTCSessionDescription *description =
    gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message);
  g_signal_emit_by_name(
    viewer->webrtc, "set-remote-description", description,
    gst_promise_new_with_change_func(create_answer, viewer, NULL));
  gst_webrtc_session_description_free(description);
}

static gboolean read_offer(GIOChannel *input, GIOCondition condition, gpointer loop) {
  (void)condition;
  char *line = NULL;
  if (g_io_channel_read_line(input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
    g_main_loop_quit(loop);
    return FALSE;
  }
  int id;
  size_t length, got;
  if (sscanf(line, "OFFER %d %zu", &id, &length) == 2 && length < 1 << 20) {
    char *offer = g_malloc0(length + 1);
    g_io_channel_read_chars(input, offer, (gssize)length, &got, NULL);
    add_viewer(id, offer);
    g_free(offer);
  }
  g_free(line);
  return TRUE;
}

int main(int count, char **arguments) {
  gst_init(&count, &arguments);
  if (count != 7) {
    fprintf(stderr, "usage: gst_sender FRAMES WIDTH HEIGHT RATE BITRATE SPEED\n");
    return 64;
  }
  width = atoi(arguments[2]);
  height = atoi(arguments[3]);
  rate = atoi(arguments[4]);
  frames = frames_open(arguments[1], width, height);

  // The settings that Perch gives libvpx (Sources/Media/VP8Encoder.swift).
  char *description = g_strdup_printf(
    "appsrc name=frames is-live=true do-timestamp=true format=time "
    "caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 "
    "! vp8enc name=encoder deadline=1 cpu-used=-%s target-bitrate=%s end-usage=cbr lag-in-frames=0 threads=1 "
    "keyframe-mode=disabled min-quantizer=2 max-quantizer=56 undershoot=100 overshoot=15 static-threshold=1 "
    "buffer-size=500 buffer-initial-size=250 buffer-optimal-size=300 max-intra-bitrate=600 "
    "! tee name=video allow-not-linked=true "
    "audiotestsrc is-live=true wave=sine ! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=32000 "
    "! tee name=audio allow-not-linked=true",
    width, height, rate, arguments[6], arguments[5]);
  GError *error = NULL;
  pipeline = gst_parse_launch(description, &error);
  if (error) {
    fprintf(stderr, "gst_sender: %s\n", error->message);
    return 1;
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "frames");
  g_thread_unref(g_thread_new("camera", push_frames, source));

  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  GIOChannel *input = g_io_channel_unix_new(STDIN_FILENO);
  g_io_channel_set_encoding(input, NULL, NULL);
  g_io_add_watch(input, G_IO_IN | G_IO_HUP, read_offer, loop);
  printf("READY\n");
  fflush(stdout);
  g_main_loop_run(loop);
  // Threads of the pipeline may be anywhere: the kernel cleans up faster.
  _exit(0);
}
