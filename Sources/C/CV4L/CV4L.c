#include "CV4L.h"
