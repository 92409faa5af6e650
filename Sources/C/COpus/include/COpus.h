/// libopus for Swift: the variadic control call.
#pragma once
#include <opus/opus.h>

enum perch_opus_setting {
  PERCH_OPUS_BITRATE,
  PERCH_OPUS_COMPLEXITY,
  PERCH_OPUS_IN_BAND_FEC,
  PERCH_OPUS_PACKET_LOSS,
  PERCH_OPUS_DTX,
};

/// 0, or an Opus error (negative).
int perch_opus_set(OpusEncoder *encoder, enum perch_opus_setting setting, int value);

/// Samples at 48 kHz by which the encoder delays the sound; 0 when it does not say.
int perch_opus_lookahead(OpusEncoder *encoder);
