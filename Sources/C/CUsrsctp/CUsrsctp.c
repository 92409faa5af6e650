#include "CUsrsctp.h"
