#include "COpus.h"

int perch_opus_set(OpusEncoder *encoder, enum perch_opus_setting setting, int value) {
  switch (setting) {
  case PERCH_OPUS_BITRATE: return opus_encoder_ctl(encoder, OPUS_SET_BITRATE(value));
  case PERCH_OPUS_COMPLEXITY: return opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(value));
  case PERCH_OPUS_IN_BAND_FEC: return opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(value));
  case PERCH_OPUS_PACKET_LOSS: return opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(value));
  case PERCH_OPUS_DTX: return opus_encoder_ctl(encoder, OPUS_SET_DTX(value));
  }
  return OPUS_BAD_ARG;
}

int perch_opus_lookahead(OpusEncoder *encoder) {
  opus_int32 samples = 0;
  return opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(&samples)) == OPUS_OK ? samples : 0;
}
