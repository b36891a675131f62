// Batch norm of the stand-in for libcudnn.so.9, with the parameters that cudnn_ops.h of cuDNN 9 declares.
//
// It is strict where the manual is: one number per channel is float unless x is double, and of sizes (1, C, 1, 1); all
// arrays of the size of x lie as their descriptors say, without gaps; what the forward leaves in the reserve must come back
// to the gradient unchanged; a running statistic that is not a number stays so, whatever the factor.

#include <cmath>
#include <cstring>
#include <initializer_list>
#include "cudnn_on_cpu.h"

const size_t SPACE = 48, RESERVE = 16;
const char MARK[RESERVE] = "kept unchanged.";
enum { SPATIAL = 1, SPATIAL_PERSISTENT = 2 };

// What the last call was asked: 0 training, 1 evaluation, 2 gradient; the mode; the step between channels; the stream it
// was sent to; how many calls there were.
extern "C" { long long cudnn_norm_on_cpu_log[5] = {0}; }

// No gaps, in order or with channels last.
static bool packed(const Tensor& t) {
    int n = t.sizes.size();
    std::vector<int> order{0}, last{0};
    for (int d = 1; d < n; ++d) order.push_back(d);
    for (int d = 2; d < n; ++d) last.push_back(d);
    last.push_back(1);
    auto lies = [&](const std::vector<int>& dims) {
        int step = 1;
        for (int i = n - 1; i >= 0; step *= t.sizes[dims[i--]])
            if (t.strides[dims[i]] != step) return false;
        return true;
    };
    return lies(order) || lies(last);
}

static Status check(Handle* handle, int mode, const Tensor* x, const Tensor* channels) {
    if (!handle || !x || !channels || (mode != SPATIAL && mode != SPATIAL_PERSISTENT)) return BAD_PARAM;
    if (x->sizes.size() > 5 || channels->sizes.size() != x->sizes.size() || !packed(*x)) return NOT_SUPPORTED;
    if (channels->type != (x->type == DOUBLE ? DOUBLE : FLOAT)) return BAD_PARAM;
    for (size_t d = 0; d < x->sizes.size(); ++d)
        if (channels->sizes[d] != (d == 1 ? x->sizes[1] : 1)) return BAD_PARAM;
    return x->type == FLOAT || x->type == DOUBLE || x->type == HALF ? FINE : NOT_SUPPORTED;
}

// Whether memory that is taken for it begins where several numbers may be read at once.
static bool even(std::initializer_list<const void*> addresses) {
    for (const void* address : addresses)
        if ((size_t)address % 16) return false;
    return true;
}

static void note(int what, int mode, const Tensor* x, const Handle* handle) {
    cudnn_norm_on_cpu_log[0] = what, cudnn_norm_on_cpu_log[1] = mode, cudnn_norm_on_cpu_log[2] = x->strides[1];
    cudnn_norm_on_cpu_log[3] = (long long)handle->stream, ++cudnn_norm_on_cpu_log[4];
}

template <class S>
static bool plain(const void* alpha, const void* beta) { return *(const S*)alpha == 1 && *(const S*)beta == 0; }

template <class T, class S>
struct Norm {
    const Tensor& x;
    int channels = x.sizes[1];
    long each = x.count() / channels;

    // use(channel, place) for every number.
    template <class Use>
    void all(Use use) const {
        std::vector<int> at(x.sizes.size(), 0);
        do use(at[1], x.place(at));
        while (x.next(at));
    }
    void apply(const T* from, T* to, const S* w, const S* b, const S* mean, const std::vector<double>& inverse) const {
        all([&](int c, long i) { to[i] = (T)(S)(((double)from[i] - mean[c]) * inverse[c] * w[c] + b[c]); });
    }
    Status train(const T* from, T* to, const S* w, const S* b, double factor, S* running_mean, S* running_variance, double eps,
                 S* saved_mean, S* saved_inverse) const {
        std::vector<double> mean(channels, 0), variance(channels, 0), inverse(channels);
        all([&](int c, long i) { mean[c] += (double)from[i] / each; });
        all([&](int c, long i) { variance[c] += std::pow((double)from[i] - mean[c], 2) / each; });
        for (int c = 0; c < channels; ++c) {
            inverse[c] = 1 / std::sqrt(variance[c] + eps), saved_mean[c] = mean[c], saved_inverse[c] = inverse[c];
            double unbiased = variance[c] * each / (each - 1);
            if (running_mean) running_mean[c] = mean[c] * factor + running_mean[c] * (1 - factor);
            if (running_variance) running_variance[c] = unbiased * factor + running_variance[c] * (1 - factor);
        }
        apply(from, to, w, b, saved_mean, inverse);
        return FINE;
    }
    Status back(const T* from, const T* g, T* dx, const S* w, S* dw, S* db, const S* mean, const S* inverse) const {
        std::vector<double> sum(channels, 0), along(channels, 0);
        auto hat = [&](int c, long i) { return ((double)from[i] - mean[c]) * inverse[c]; };
        all([&](int c, long i) { sum[c] += (double)g[i], along[c] += (double)g[i] * hat(c, i); });
        all([&](int c, long i) {
            dx[i] = (T)(S)(((double)g[i] - sum[c] / each - hat(c, i) * along[c] / each) * inverse[c] * w[c]);
        });
        for (int c = 0; c < channels; ++c) dw[c] = along[c], db[c] = sum[c];
        return FINE;
    }
};

// use(T{}, S{}) for the types that x has.
template <class Use>
static Status typed(int type, Use use) {
    return type == DOUBLE ? use(double(), double()) : type == HALF ? use(_Float16(), float()) : use(float(), float());
}

extern "C" {

Status cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(
    Handle* handle, int mode, int ops, Tensor* x, Tensor* z, Tensor* y, Tensor* channels, void* activation, size_t* bytes) {
    if (ops || activation || x != y || (z && z != x)) return BAD_PARAM;
    *bytes = SPACE;
    return check(handle, mode, x, channels);
}
Status cudnnGetBatchNormalizationBackwardExWorkspaceSize(
    Handle* handle, int mode, int ops, Tensor* x, Tensor* y, Tensor* dy, Tensor* dz, Tensor* dx, Tensor* channels,
    void* activation, size_t* bytes) {
    if (ops || activation || dz || x != y || x != dy || x != dx) return BAD_PARAM;
    *bytes = 2 * SPACE;
    return check(handle, mode, x, channels);
}
Status cudnnGetBatchNormalizationTrainingExReserveSpaceSize(
    Handle* handle, int mode, int ops, void* activation, Tensor* x, size_t* bytes) {
    if (!handle || !mode || ops || activation || !x) return BAD_PARAM;
    *bytes = RESERVE;
    return FINE;
}

Status cudnnBatchNormalizationForwardTrainingEx(
    Handle* handle, int mode, int ops, const void* alpha, const void* beta, Tensor* x, const void* from, Tensor* z,
    const void* z_data, Tensor* y, void* to, Tensor* channels, const void* w, const void* b, double factor, void* running_mean,
    void* running_variance, double eps, void* saved_mean, void* saved_inverse, void* activation, void* space, size_t bytes,
    void* reserve, size_t kept) {
    if (ops || z || z_data || activation || x != y || bytes != SPACE || kept != RESERVE || eps < 0) return BAD_PARAM;
    if (!even({to, running_mean, running_variance, saved_mean, saved_inverse, space, reserve})) return NOT_SUPPORTED;
    if (Status status = check(handle, mode, x, channels)) return status;
    note(0, mode, x, handle);
    memset(space, 1, bytes), memcpy(reserve, MARK, kept);
    return typed(x->type, [&](auto t, auto s) {
        typedef decltype(t) T;
        typedef decltype(s) S;
        if (!plain<S>(alpha, beta)) return BAD_PARAM;
        return Norm<T, S>{*x}.train((const T*)from, (T*)to, (const S*)w, (const S*)b, factor, (S*)running_mean,
                                    (S*)running_variance, eps, (S*)saved_mean, (S*)saved_inverse);
    });
}
Status cudnnBatchNormalizationForwardInference(
    Handle* handle, int mode, const void* alpha, const void* beta, Tensor* x, const void* from, Tensor* y, void* to,
    Tensor* channels, const void* w, const void* b, const void* mean, const void* variance, double eps) {
    if (x != y || eps < 0) return BAD_PARAM;
    if (Status status = check(handle, mode, x, channels)) return status;
    note(1, mode, x, handle);
    return typed(x->type, [&](auto t, auto s) {
        typedef decltype(t) T;
        typedef decltype(s) S;
        if (!plain<S>(alpha, beta)) return BAD_PARAM;
        std::vector<double> inverse;
        for (int c = 0; c < x->sizes[1]; ++c) inverse.push_back(1 / std::sqrt(((const S*)variance)[c] + eps));
        Norm<T, S>{*x}.apply((const T*)from, (T*)to, (const S*)w, (const S*)b, (const S*)mean, inverse);
        return FINE;
    });
}
Status cudnnBatchNormalizationBackwardEx(
    Handle* handle, int mode, int ops, const void* alpha, const void* beta, const void* alpha_learned, const void* beta_learned,
    Tensor* x, const void* from, Tensor* y, const void* y_data, Tensor* dy, const void* g, Tensor* dz, void* dz_data, Tensor* dx,
    void* to, Tensor* channels, const void* w, const void* b, void* dw, void* db, double eps, const void* mean,
    const void* inverse, void* activation, void* space, size_t bytes, void* reserve, size_t kept) {
    if (ops || y || y_data || dz || dz_data || b || activation || x != dy || x != dx || eps < 0) return BAD_PARAM;
    if (bytes != 2 * SPACE || kept != RESERVE || memcmp(reserve, MARK, kept)) return BAD_PARAM;
    if (!even({to, dw, db, mean, inverse, space, reserve})) return NOT_SUPPORTED;
    if (Status status = check(handle, mode, x, channels)) return status;
    note(2, mode, x, handle);
    memset(space, 1, bytes);
    return typed(x->type, [&](auto t, auto s) {
        typedef decltype(t) T;
        typedef decltype(s) S;
        if (!plain<S>(alpha, beta) || !plain<S>(alpha_learned, beta_learned)) return BAD_PARAM;
        return Norm<T, S>{*x}.back((const T*)from, (const T*)g, (T*)to, (const S*)w, (S*)dw, (S*)db, (const S*)mean,
                                   (const S*)inverse);
    });
}

}
