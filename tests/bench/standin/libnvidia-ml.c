/* A stand-in for NVIDIA's libnvidia-ml.so.1 with what the runner's monitor asks of it, through nvidia-ml-py. */
#include <string.h>

static int looks;
int nvmlInitWithFlags(unsigned flags) { return flags != 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **device)
{
    if (strcmp(address, "00000000:65:00.0"))
        return 6; /* not found */
    *device = &looks;
    return 0;
}
int nvmlSystemGetDriverVersion(char *text, unsigned size)
{
    strncpy(text, "570.00", size);
    return 0;
}
int nvmlDeviceGetClockInfo(void *device, unsigned type, unsigned *mhz)
{
    *mhz = type == 1 ? (looks++ ? 1980 : 345) : 2619; /* the first look falls on an idle GPU */
    return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts)
{
    *milliwatts = 612000;
    return 0;
}
int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *celsius)
{
    *celsius = 55;
    return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons)
{
    *reasons = 4; /* the power limit */
    return 0;
}
int nvmlDeviceGetTotalEccErrors(void *device, unsigned type, unsigned counter, unsigned long long *errors)
{
    return 3; /* not supported */
}
