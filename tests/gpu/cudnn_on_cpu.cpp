// A stand-in for libcudnn.so.9 on the CPU: the functions of its legacy interface that gradviz uses, with the parameters that
// cudnn_ops.h and cudnn_cnn.h of cuDNN 9 declare, computed by plain loops. It refuses what does not fit together, and notes
// what the last convolution was asked to do. It shows that the binding is right; it is not cuDNN.

#include "cudnn_on_cpu.h"

struct Convolution {
    std::vector<int> padding, stride, dilation;
    int mode = -1, compute = -1, groups = 1, math = -1;
};
struct Perf { int algo, status; float time; size_t memory; int determinism, math, reserved[3]; };

// What the last call was asked: direction, algorithm, bytes of workspace, kind of arithmetic, type of sums; how many
// descriptors there are; how often algorithms were advised and tried; the step between channels of the picture.
extern "C" { long long cudnn_on_cpu_log[9] = {0}; }
// After how many descriptors one is refused; none if it is negative.
extern "C" { int cudnn_on_cpu_refuse_after = -1; }
// Whether there is no algorithm where channels lie last.
extern "C" { int cudnn_on_cpu_refuse_last = 0; }

// Every triple of numbers of x, w and y that a convolution joins.
template <class Use>
static Status each(const Tensor& x, const Tensor& w, const Tensor& y, const Convolution& c, Use use) {
    int dims = c.stride.size();
    if (c.mode != 1 || (int)x.sizes.size() != dims + 2 || w.sizes.size() != x.sizes.size() || y.sizes.size() != x.sizes.size())
        return BAD_PARAM;
    if (x.type != w.type || x.type != y.type || x.sizes[0] != y.sizes[0] || w.sizes[0] != y.sizes[1]) return BAD_PARAM;
    if (x.sizes[1] != w.sizes[1] * c.groups || w.sizes[0] % c.groups) return BAD_PARAM;
    if (c.compute != (x.type == DOUBLE ? DOUBLE : FLOAT)) return NOT_SUPPORTED;
    for (int d = 0; d < dims; ++d) {
        int reach = c.dilation[d] * (w.sizes[d + 2] - 1) + 1;
        if (y.sizes[d + 2] != (x.sizes[d + 2] + 2 * c.padding[d] - reach) / c.stride[d] + 1) return BAD_PARAM;
    }
    int reach = 1;  // numbers of w that one result depends on
    for (size_t d = 1; d < w.sizes.size(); ++d) reach *= w.sizes[d];
    std::vector<int> yi(y.sizes.size(), 0);
    for (bool more = true; more;) {
        for (int i = 0; i < reach; ++i) {
            std::vector<int> wi(w.sizes.size()), xi(x.sizes.size());
            int rest = i;
            for (int d = w.sizes.size() - 1; d > 0; --d) wi[d] = rest % w.sizes[d], rest /= w.sizes[d];
            wi[0] = yi[1];
            xi[0] = yi[0];
            xi[1] = yi[1] / (w.sizes[0] / c.groups) * w.sizes[1] + wi[1];
            bool inside = true;
            for (int d = 0; d < dims; ++d) {
                xi[d + 2] = yi[d + 2] * c.stride[d] - c.padding[d] + wi[d + 2] * c.dilation[d];
                inside = inside && xi[d + 2] >= 0 && xi[d + 2] < x.sizes[d + 2];
            }
            if (inside) use(x.place(xi), w.place(wi), y.place(yi));
        }
        more = y.next(yi);
    }
    return FINE;
}

// out = alpha * op(a, b) + beta * out, summed in S; `which` says which of x, w, y is the result.
template <class T, class S>
static Status compute(const Tensor& x, const Tensor& w, const Tensor& y, const Convolution& c, int which, const void* a,
                      const void* b, void* out, const void* alpha, const void* beta) {
    const Tensor& made = which == 0 ? y : which == 1 ? x : w;
    std::vector<S> sums(made.count(), 0);
    const T *first = (const T*)a, *second = (const T*)b;
    Status status = each(x, w, y, c, [&](long xi, long wi, long yi) {
        if (which == 0) sums[yi] += (S)first[xi] * (S)second[wi];
        else if (which == 1) sums[xi] += (S)first[wi] * (S)second[yi];
        else sums[wi] += (S)first[xi] * (S)second[yi];
    });
    S scale = *(const S*)alpha, keep = *(const S*)beta;
    T* to = (T*)out;
    for (size_t i = 0; i < sums.size() && status == FINE; ++i) to[i] = (T)(scale * sums[i] + (keep ? keep * (S)to[i] : 0));
    return status;
}

static Status run(int which, Handle* handle, const void* alpha, Tensor* x, Tensor* w, Tensor* y, const void* a, const void* b,
                  Convolution* c, int algo, void* space, size_t bytes, const void* beta, void* out) {
    size_t needed = algo == 1 ? 64 : 0;
    if (!handle || bytes < needed || (needed && !space)) return BAD_PARAM;
    for (size_t i = 0; i < bytes; ++i) ((char*)space)[i] = 1;  // whoever gives less than it says is found out
    cudnn_on_cpu_log[0] = which, cudnn_on_cpu_log[1] = algo, cudnn_on_cpu_log[2] = bytes, cudnn_on_cpu_log[3] = c->math;
    cudnn_on_cpu_log[4] = c->compute;
    cudnn_on_cpu_log[8] = x->strides[1];
    if (x->type == DOUBLE) return compute<double, double>(*x, *w, *y, *c, which, a, b, out, alpha, beta);
    if (x->type == HALF) return compute<_Float16, float>(*x, *w, *y, *c, which, a, b, out, alpha, beta);
    return x->type == FLOAT ? compute<float, float>(*x, *w, *y, *c, which, a, b, out, alpha, beta) : NOT_SUPPORTED;
}

static Status choose(bool tried, Tensor* a, Tensor* b, Tensor* made, Convolution* c, int wanted, int* found, Perf* perf) {
    if (wanted < 1 || c->math < 0) return BAD_PARAM;
    // The layouts of all three agree; a channel or a place that is alone lies either way.
    int last = 0, order = 0;
    for (Tensor* t : {a, b, made}) {
        int places = t->count() / t->sizes[0] / t->sizes[1];
        if (t->sizes[1] > 1 && places > 1) (t->strides[1] == 1 ? last : order)++;
    }
    if (last && order) return BAD_PARAM;
    *found = 0;
    if (last && cudnn_on_cpu_refuse_last) return FINE;
    ++cudnn_on_cpu_log[tried ? 7 : 6];
    Perf failing = {3, NOT_SUPPORTED, -1, 0, 1, 0, {0}}, quick = {1, FINE, 1, 64, 0, c->math, {0}};
    Perf sure = {0, FINE, 2, 0, 1, c->math, {0}}, fastest = {2, FINE, 1, 0, 1, c->math, {0}};
    Perf advised[] = {failing, quick, sure}, measured[] = {fastest, failing};
    for (const Perf& p : tried ? std::vector<Perf>(measured, measured + 2) : std::vector<Perf>(advised, advised + 3))
        if (*found < wanted) perf[(*found)++] = p;
    return FINE;
}

extern "C" {

size_t cudnnGetVersion() { return 92800; }
const char* cudnnGetErrorString(Status status) {
    return status == BAD_PARAM ? "CUDNN_STATUS_BAD_PARAM" : "CUDNN_STATUS_NOT_SUPPORTED";
}
Status cudnnCreate(Handle** handle) { return *handle = new Handle, FINE; }
Status cudnnSetStream(Handle* handle, void* stream) { return handle->stream = stream, FINE; }

Status cudnnCreateTensorDescriptor(Tensor** made) { return *made = new Tensor, ++cudnn_on_cpu_log[5], FINE; }
Status cudnnCreateFilterDescriptor(Tensor** made) { return *made = new Tensor, ++cudnn_on_cpu_log[5], FINE; }
Status cudnnCreateConvolutionDescriptor(Convolution** made) { return *made = new Convolution, ++cudnn_on_cpu_log[5], FINE; }
Status cudnnDestroyTensorDescriptor(Tensor* gone) { return delete gone, --cudnn_on_cpu_log[5], FINE; }
Status cudnnDestroyFilterDescriptor(Tensor* gone) { return delete gone, --cudnn_on_cpu_log[5], FINE; }
Status cudnnDestroyConvolutionDescriptor(Convolution* gone) { return delete gone, --cudnn_on_cpu_log[5], FINE; }

Status cudnnSetTensorNdDescriptor(Tensor* t, int type, int n, const int sizes[], const int strides[]) {
    if (n < 4) return BAD_PARAM;
    if (cudnn_on_cpu_refuse_after >= 0 && cudnn_on_cpu_refuse_after-- == 0) return NOT_SUPPORTED;
    t->type = type, t->sizes.assign(sizes, sizes + n), t->strides.assign(strides, strides + n);
    return FINE;
}
Status cudnnSetFilterNdDescriptor(Tensor* t, int type, int format, int n, const int sizes[]) {
    if (n < 4 || (format != NCHW && format != NHWC)) return BAD_PARAM;
    t->type = type, t->sizes.assign(sizes, sizes + n), t->strides.assign(n, 1);
    for (int step = 1, i = n - 1; i >= 0; --i) {
        int d = format == NCHW || i == 0 ? i : i == n - 1 ? 1 : i + 1;  // K, C, H, W or K, H, W, C
        t->strides[d] = step, step *= sizes[d];
    }
    return FINE;
}
Status cudnnSetConvolutionNdDescriptor(Convolution* c, int n, const int padding[], const int stride[], const int dilation[],
                                       int mode, int compute) {
    c->padding.assign(padding, padding + n), c->stride.assign(stride, stride + n), c->dilation.assign(dilation, dilation + n);
    c->mode = mode, c->compute = compute;
    return FINE;
}
Status cudnnSetConvolutionGroupCount(Convolution* c, int groups) { return c->groups = groups, FINE; }
Status cudnnSetConvolutionMathType(Convolution* c, int math) { return c->math = math, FINE; }

// Three directions, by advice and by trial, that differ in their names alone.
#define CHOICE(name, tried)                                                                                        \
    Status name(Handle*, Tensor* a, Tensor* b, Convolution* c, Tensor* made, int wanted, int* found, Perf* perf) { \
        return choose(tried, a, b, made, c, wanted, found, perf);                                                  \
    }
CHOICE(cudnnGetConvolutionForwardAlgorithm_v7, false)
CHOICE(cudnnGetConvolutionBackwardDataAlgorithm_v7, false)
CHOICE(cudnnGetConvolutionBackwardFilterAlgorithm_v7, false)
CHOICE(cudnnFindConvolutionForwardAlgorithm, true)
CHOICE(cudnnFindConvolutionBackwardDataAlgorithm, true)
CHOICE(cudnnFindConvolutionBackwardFilterAlgorithm, true)
#undef CHOICE

Status cudnnConvolutionForward(Handle* handle, const void* alpha, Tensor* x_desc, const void* x, Tensor* w_desc, const void* w,
                               Convolution* c, int algo, void* space, size_t bytes, const void* beta, Tensor* y_desc, void* y) {
    return run(0, handle, alpha, x_desc, w_desc, y_desc, x, w, c, algo, space, bytes, beta, y);
}
Status cudnnConvolutionBackwardData(Handle* handle, const void* alpha, Tensor* w_desc, const void* w, Tensor* dy_desc,
                                    const void* dy, Convolution* c, int algo, void* space, size_t bytes, const void* beta,
                                    Tensor* dx_desc, void* dx) {
    return run(1, handle, alpha, dx_desc, w_desc, dy_desc, w, dy, c, algo, space, bytes, beta, dx);
}
Status cudnnConvolutionBackwardFilter(Handle* handle, const void* alpha, Tensor* x_desc, const void* x, Tensor* dy_desc,
                                      const void* dy, Convolution* c, int algo, void* space, size_t bytes, const void* beta,
                                      Tensor* dw_desc, void* dw) {
    return run(2, handle, alpha, x_desc, dw_desc, dy_desc, x, dy, c, algo, space, bytes, beta, dw);
}

}
