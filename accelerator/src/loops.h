/* NumPy's own loops, called without what NumPy does on the way to them.
 *
 * `np.multiply(a, b)` on eight numbers takes 0.25 us; the loop that multiplies, 5 ns. The rest finds out which loop it
 * is and how the arrays fit together. Where they fit as they are (the cases that NumPy calls trivial: same type, same
 * shape, same order, or one without dimensions) this calls the same loop with the same strides, so the bits are the
 * same.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include <fenv.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#define KINDS (NPY_HALF + 1) /* the numbers of NumPy's built-in types */
#define LONG 16384 /* numbers in a loop beside which other threads may run: changing over takes longer than fewer do */
#define BAD (FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID)

static PyArray_Descr *SINGLE_DESCR[KINDS]; /* each type's one descriptor; kept for good, as NumPy keeps them */

static int
find_descriptors(void)
{
    for (int kind = 0; kind < KINDS; kind++) {
        int is_number = kind <= NPY_CLONGDOUBLE || kind == NPY_HALF;
        if (is_number && SINGLE_DESCR[kind] == NULL) {
            SINGLE_DESCR[kind] = PyArray_DescrFromType(kind);
            if (SINGLE_DESCR[kind] == NULL) {
                return -1;
            }
        }
    }
    return 0;
}

static inline int
is_float(PyArray_Descr *descr)
{
    int kind = descr->type_num;
    return kind == NPY_FLOAT || kind == NPY_DOUBLE || kind == NPY_HALF || kind == NPY_LONGDOUBLE;
}

/* Which of a ufunc's loops is for inputs of one type, and the type of what it makes. */
typedef struct {
    PyUFuncObject *ufunc; /* not owned; NULL: there are no loops */
    signed char at[KINDS], made[KINDS];
} Loops;

static void
find_loops(Loops *loops, PyObject *forward, int inputs)
{
    loops->ufunc = NULL;
    memset(loops->at, -1, sizeof(loops->at));
    if (!PyObject_TypeCheck(forward, &PyUFunc_Type)) {
        return;
    }
    PyUFuncObject *ufunc = (PyUFuncObject *)forward;
    if (ufunc->nin != inputs || ufunc->nout != 1 || ufunc->core_enabled) {
        return;
    }
    loops->ufunc = ufunc;
    for (int i = ufunc->ntypes - 1; i >= 0; i--) { /* the first that fits is NumPy's choice */
        const char *types = ufunc->types + i * (inputs + 1);
        int kind = types[0], out = types[inputs];
        int alike = inputs == 1 || types[1] == kind;
        if (alike && i < 128 && kind < KINDS && out < KINDS && SINGLE_DESCR[kind] && SINGLE_DESCR[out]) {
            loops->at[kind] = (signed char)i;
            loops->made[kind] = (signed char)out;
        }
    }
}

/* Whether nothing is done about an underflow, as NumPy does nothing unless told otherwise. */
static int
underflow_is_fine(PyObject *errstate, PyObject *usual)
{
    PyObject *now = NULL;
    if (errstate == Py_None || PyContextVar_Get(errstate, NULL, &now) < 0) {
        PyErr_Clear();
        return 0;
    }
    Py_XDECREF(now);
    return now != NULL && now == usual;
}

/* Call the loop for inputs of a type; the floating-point errors that it made. */
static int
run_loop(const Loops *loops, int kind, char **data, npy_intp size, npy_intp *steps)
{
    int at = loops->at[kind];
    PyUFuncGenericFunction loop = loops->ufunc->functions[at];
    void *more = loops->ufunc->data == NULL ? NULL : (void *)loops->ufunc->data[at];
    if (fetestexcept(BAD)) {
        feclearexcept(BAD);
    }
    NPY_BEGIN_THREADS_DEF;
    if (size > LONG) {
        NPY_BEGIN_THREADS;
    }
    loop(data, &size, steps, more);
    NPY_END_THREADS;
    return fetestexcept(BAD);
}

/* A new array with the result; NULL without an error where NumPy had better do it (or say what is wrong).
 *
 * `y` is NULL for one input; it has x's descriptor. A division by zero and the like is left to NumPy too: whether it
 * warns or raises is the user's choice.
 */
static PyObject *
looped(const Loops *loops, PyArrayObject *x, PyArrayObject *y, PyObject *errstate, PyObject *usual)
{
    int kind = PyArray_TYPE(x);
    if (kind < 0 || kind >= KINDS || loops->at[kind] < 0 || PyArray_DESCR(x) != SINGLE_DESCR[kind]) {
        return NULL;
    }
    PyArrayObject *inputs[2] = {x, y};
    int count = y == NULL ? 1 : 2, ndim = 0, order = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS;
    npy_intp *shape = NULL, size = 1, steps[3];
    for (int i = 0; i < count; i++) {
        PyArrayObject *a = inputs[i];
        int dims = PyArray_NDIM(a);
        if (!PyArray_ISALIGNED(a)) {
            return NULL;
        }
        if (dims == 0) { /* the same number again and again */
            steps[i] = 0;
            continue;
        }
        if (ndim == 0) {
            ndim = dims;
            shape = PyArray_DIMS(a);
            size = PyArray_SIZE(a);
        }
        else if (dims != ndim || !PyArray_CompareLists(PyArray_DIMS(a), shape, ndim)) {
            return NULL;
        }
        steps[i] = dims == 1 ? PyArray_STRIDES(a)[0] : PyArray_ITEMSIZE(a);
        if (dims > 1) {
            order &= PyArray_FLAGS(a);
            if (order == 0) {
                return NULL;
            }
        }
    }
    PyArray_Descr *made = SINGLE_DESCR[(int)loops->made[kind]];
    Py_INCREF(made);
    PyObject *out = PyArray_NewFromDescr(
        &PyArray_Type, made, ndim, shape, NULL, NULL, order == NPY_ARRAY_F_CONTIGUOUS, NULL);
    if (out == NULL) {
        return NULL;
    }
    if (size == 0) {
        return out;
    }
    steps[count] = PyArray_ITEMSIZE((PyArrayObject *)out);
    char *data[3] = {PyArray_BYTES(x), count == 1 ? NULL : PyArray_BYTES(y), NULL};
    data[count] = PyArray_BYTES((PyArrayObject *)out);
    int bad = run_loop(loops, kind, data, size, steps);
    if (PyErr_Occurred()) { /* an integer to a negative power */
        PyErr_Clear();
        bad = BAD;
    }
    if (bad && !(bad == FE_UNDERFLOW && underflow_is_fine(errstate, usual))) {
        Py_DECREF(out);
        return NULL;
    }
    return out;
}

/* Write the result into an array, which may be an input: 1, or 0 where NumPy had better do it, -1 with an error.
 *
 * Arrays of floats alone, in one piece and of one shape, or without dimensions. What NumPy says of floating-point errors
 * it says, since an input that was written into cannot be given to it again.
 */
static int
looped_into(const Loops *loops, PyArrayObject *const *inputs, int count, PyArrayObject *out)
{
    PyArray_Descr *descr = PyArray_DESCR(out);
    int kind = PyArray_TYPE(out);
    if (kind < 0 || kind >= KINDS || descr != SINGLE_DESCR[kind] || !is_float(descr) || loops->at[kind] < 0 ||
        loops->made[kind] != kind || !PyArray_ISCARRAY(out)) {
        return 0;
    }
    char *data[3], *start = PyArray_BYTES(out);
    npy_intp steps[3], size = PyArray_SIZE(out), bytes = PyArray_NBYTES(out);
    for (int i = 0; i < count; i++) {
        PyArrayObject *a = inputs[i];
        int dims = PyArray_NDIM(a);
        data[i] = PyArray_BYTES(a);
        steps[i] = dims == 0 ? 0 : PyArray_ITEMSIZE(a);
        int apart = data[i] + PyArray_NBYTES(a) <= start || start + bytes <= data[i];
        int alike = dims == PyArray_NDIM(out) && PyArray_CompareLists(PyArray_DIMS(a), PyArray_DIMS(out), dims);
        if (PyArray_DESCR(a) != descr || !PyArray_ISCARRAY_RO(a) || !(dims == 0 || alike) ||
            !(apart || (alike && data[i] == start))) {
            return 0;
        }
    }
    data[count] = start;
    steps[count] = PyArray_ITEMSIZE(out);
    int bad = size == 0 ? 0 : run_loop(loops, kind, data, size, steps), said = 0;
    if (bad) {
        said |= bad & FE_DIVBYZERO ? NPY_FPE_DIVIDEBYZERO : 0;
        said |= bad & FE_OVERFLOW ? NPY_FPE_OVERFLOW : 0;
        said |= bad & FE_UNDERFLOW ? NPY_FPE_UNDERFLOW : 0;
        said |= bad & FE_INVALID ? NPY_FPE_INVALID : 0;
    }
    return said && PyUFunc_GiveFloatingpointErrors(loops->ufunc->name, said) < 0 ? -1 : 1;
}

#endif
