/* What a call makes: the Tensor of a result, and the node behind it where gradients are wanted.
 *
 * Everything follows gradviz/core/dispatch.py and calls.py line by line; here is what the commonest case does there.
 */
#ifndef NODES_H
#define NODES_H

#include "known.h"

#include "loops.h"

enum { SAME = 1, DIFFERENTIABLE = 2, ELEMENTWISE = 4, KEEPS_TYPE = 8, TENSORS_ONLY = 16 };

#define KEPT 15   /* values that a node keeps */
#define INPUTS 4  /* tensors that an operation takes */
#define SETTINGS 10

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    Known *known;
    PyObject *fallback; /* the Python function */
    PyObject *forward;  /* what computes on arrays: a ufunc or a function; of a door, the function behind it */
    PyObject *op;       /* of a door, the list that must be empty, or None */
    PyObject *prepare;  /* (inputs that want a gradient, as bits) -> what its nodes are made of: see `prepared` */
    PyObject *word;     /* of a door, the keyword that is not for what is behind it, or None */
    PyObject *settings; /* their names, a tuple */
    PyObject *defaults[SETTINGS]; /* what they are if not given; NULL: they must be */
    PyObject *mark_view; /* (input, result), called where they share memory, or None */
    PyObject *weakrefs;
    int flags, inputs;
    /* What `prepare` said, once it was asked. */
    PyTypeObject *node_type, *number_type;
    PyObject *type_of, *push_alike;
    int named_by;                     /* of `type_of` (value of this setting) -> node class, where it depends on one */
    int ruled;                        /* the inputs that have a rule, as bits; -1: not asked yet */
    char kept[1 << INPUTS][KEPT + 1]; /* by the inputs that want a gradient: a letter for each value, see `keep` */
    unsigned int asked;               /* of which of these it was asked, as bits */
    Loops loops;
} Call;

static inline PyObject *
leave(Call *call, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    return PyObject_Vectorcall(call->fallback, args, nargsf, kwnames);
}

/* ------------------------------------------------------------------------------------------------------- operands */

/* A tensor's array, borrowed; NULL without an error if it is no plain tensor on the CPU. */
static inline PyArrayObject *
array_of(Known *known, PyObject *x)
{
    if (!is_plain(known, x) || SLOT(x, known->t.device) != known->cpu) {
        return NULL;
    }
    PyObject *array = SLOT(x, known->t._array);
    return array != NULL && Py_IS_TYPE(array, &PyArray_Type) ? (PyArrayObject *)array : NULL;
}

/* Whether calls are made here now. */
static inline int
is_on(Known *known)
{
    return known->enabled && is_false(known->events, known->word.watching);
}

/* 1 if what wants a gradient is recorded now, 0 if not, -1 if that must be left to Python (without an error). */
static int
mode_of(Known *known)
{
    PyObject *enabled;
    if (PyContextVar_Get(known->grad_mode, NULL, &enabled) < 0) {
        PyErr_Clear();
        return -1;
    }
    Py_XDECREF(enabled);
    if (enabled == Py_False) {
        return 0;
    }
    return enabled == Py_True && is_false(known->inference, known->word.ever) ? 1 : -1;
}

/* 1 if a call is to be recorded, 0 if not, -1 if it must be left to Python (without an error). */
static int
is_recorded(Call *call, PyObject *a, PyObject *b, PyArrayObject *x)
{
    Known *known = call->known;
    PyObject *first = SLOT(a, known->t._needs), *second = b == NULL ? Py_False : SLOT(b, known->t._needs);
    if ((first != Py_True && first != Py_False) || (second != Py_True && second != Py_False)) {
        return -1;
    }
    if (!(call->flags & DIFFERENTIABLE) || (first == Py_False && second == Py_False)) {
        return 0;
    }
    int mode = mode_of(known);
    return mode == 1 && !is_float(PyArray_DESCR(x)) ? -1 : mode;
}

/* ---------------------------------------------------------------------------------------------------------- results */

/* What a forward returned, taken over: 1 and an array, 0 if the call must be left to Python, -1 with an error. */
static int
taken(Call *call, PyObject *out, PyArrayObject *x, PyArrayObject **made)
{
    if (out != NULL && !Py_IS_TYPE(out, &PyArray_Type)) {
        PyObject *bare = out;
        out = PyObject_CallOneArg(call->known->wrap, bare);
        Py_DECREF(bare);
    }
    if (out == NULL) { /* Python says what was wrong with shapes or types, in PyTorch's words */
        if (!PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_TypeError)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    int other = (call->flags & SAME) && Py_IS_TYPE(out, &PyArray_Type) &&
                PyArray_DESCR((PyArrayObject *)out) != PyArray_DESCR(x);
    if (other || !Py_IS_TYPE(out, &PyArray_Type)) {
        Py_DECREF(out);
        return 0;
    }
    *made = (PyArrayObject *)out;
    return 1;
}

/* Compute, with one array or two: the same. What is recorded has to be of floats. */
static int
compute(Call *call, PyArrayObject *x, PyArrayObject *y, int recorded, PyArrayObject **made)
{
    PyObject *out;
    int done;
    if (call->loops.ufunc != NULL) {
        out = looped(&call->loops, x, y, call->known->errstate, call->known->usual);
        if (out == NULL) {
            return PyErr_Occurred() ? -1 : 0;
        }
    }
    else {
        PyObject *args[3] = {NULL, (PyObject *)x, (PyObject *)y};
        size_t count = y == NULL ? 1 : 2;
        out = PyObject_Vectorcall(call->forward, args + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    done = taken(call, out, x, made);
    if (done == 1 && recorded && !is_float(PyArray_DESCR(*made))) {
        Py_CLEAR(*made);
        done = 0;
    }
    return done;
}

/* A Tensor of an array and an edge, both of which it takes over; NULL for the edge: it needs no gradient. */
static PyObject *
tensor_of(Known *known, PyArrayObject *array, PyObject *edge)
{
    PyTypeObject *type = (PyTypeObject *)known->tensor;
    PyObject *made = type->tp_alloc(type, 0);
    known->taken++;
    if (made == NULL) {
        Py_DECREF(array);
        Py_XDECREF(edge);
        return NULL;
    }
    SLOT(made, known->t._array) = (PyObject *)array;
    SLOT(made, known->t.device) = Py_NewRef(known->cpu);
    SLOT(made, known->t._needs) = Py_NewRef(edge == NULL ? Py_False : Py_True);
    SLOT(made, known->t._edge) = edge == NULL ? Py_NewRef(Py_None) : edge;
    return made;
}

/* ------------------------------------------------------------------------------------------------------------ nodes */

/* Ask, once, for what nodes are made of where the inputs in `mask` want a gradient: -1 with an error. */
static int
prepared(Call *call, int mask)
{
    if (call->asked & 1u << mask) {
        return 0;
    }
    PyObject *said = PyObject_CallFunction(call->prepare, "i", mask), *node, *number, *type_of, *push;
    const char *kept = "";
    int ruled = 0, named_by = 0;
    if (said == NULL) {
        return -1;
    }
    if (!PyArg_ParseTuple(said, "O!O!OOis", &PyType_Type, &node, &PyType_Type, &number, &type_of, &push, &ruled,
                          &kept)) {
        Py_DECREF(said);
        return -1;
    }
    if (type_of != Py_None && !PyArg_ParseTuple(type_of, "Oi", &type_of, &named_by)) {
        Py_DECREF(said);
        return -1;
    }
    if (strlen(kept) > KEPT || named_by < 0 || named_by >= SETTINGS ||
        !PyType_IsSubtype((PyTypeObject *)node, (PyTypeObject *)call->known->node)) {
        PyErr_SetString(PyExc_TypeError, "an operation was prepared with something else than it must be");
        Py_DECREF(said);
        return -1;
    }
    if (call->node_type == NULL) {
        call->type_of = Py_NewRef(type_of);
        call->push_alike = Py_NewRef(push);
        call->number_type = (PyTypeObject *)Py_NewRef(number);
        call->node_type = (PyTypeObject *)Py_NewRef(node);
        call->ruled = ruled;
        call->named_by = named_by;
    }
    strcpy(call->kept[mask], kept);
    call->asked |= 1u << mask;
    Py_DECREF(said);
    return 0;
}

/* Where an input's gradient goes: to its node, to its accumulator, or nowhere (None). */
static PyObject *
edge_of(Known *known, PyObject *x)
{
    PyObject *edge = SLOT(x, known->t._edge);
    if (edge == NULL) { /* deleted: Python says so */
        return PyObject_GetAttrString(x, "_edge");
    }
    if (edge != Py_None || SLOT(x, known->t._needs) != Py_True) {
        return Py_NewRef(edge);
    }
    PyObject *reference = PyObject_GetAttr(x, known->word._accumulator);
    if (reference == NULL) {
        return NULL;
    }
    PyObject *found = Py_None;
    if (PyWeakref_CheckRefExact(reference)) {
#if PY_VERSION_HEX >= 0x030D0000
        if (PyWeakref_GetRef(reference, &found) < 0) {
            Py_DECREF(reference);
            return NULL;
        }
        found = found == NULL ? Py_NewRef(Py_None) : found;
#else
        found = Py_NewRef(PyWeakref_GET_OBJECT(reference));
#endif
    }
    else {
        Py_INCREF(found);
    }
    Py_DECREF(reference);
    if (found != Py_None) {
        return found;
    }
    Py_DECREF(found);
    return PyObject_CallOneArg(known->accumulator, x);
}

/* What an edge says of the gradient that it takes: a new reference. */
static PyObject *
said_by_edge(Known *known, PyObject *edge, Py_ssize_t offset, PyObject *word)
{
    if (PyObject_TypeCheck(edge, (PyTypeObject *)known->node) && SLOT(edge, offset) != NULL) {
        return Py_NewRef(SLOT(edge, offset));
    }
    return PyObject_GetAttr(edge, word);
}

static PyObject *
shape_of(PyArrayObject *array)
{
    int count = PyArray_NDIM(array);
    PyObject *made = PyTuple_New(count);
    for (int i = 0; made != NULL && i < count; i++) {
        PyObject *n = PyLong_FromSsize_t(PyArray_DIM(array, i));
        if (n == NULL) {
            Py_CLEAR(made);
            break;
        }
        PyTuple_SET_ITEM(made, i, n);
    }
    return made;
}

/* 1 if two shapes are equal, 0 if not, -1 with an error. */
static inline int
same_shape(PyObject *a, PyObject *b)
{
    return a == b ? 1 : PyObject_RichCompareBool(a, b, Py_EQ);
}

/* What a call is made with: its inputs, their arrays, its settings as they were given. */
typedef struct {
    PyObject *const *inputs;
    PyArrayObject **arrays; /* NULL for an input that is None */
    PyArrayObject *out;
    PyObject *const *given, *given_names; /* NULL: no settings */
} Made;

/* A setting, borrowed: as it was given, or as it is by default. NULL without an error if it had to be given. */
static PyObject *
setting_of(Call *call, const Made *made, int i)
{
    PyObject *name = PyTuple_GET_ITEM(call->settings, i);
    Py_ssize_t count = made->given_names == NULL ? 0 : PyTuple_GET_SIZE(made->given_names);
    for (Py_ssize_t k = 0; k < count; k++) {
        PyObject *given = PyTuple_GET_ITEM(made->given_names, k);
        if (given == name || PyUnicode_Compare(given, name) == 0) {
            return made->given[k];
        }
    }
    return call->defaults[i];
}

/* What a node keeps, a letter for each value: a b c d are inputs, A B C D their shapes, 0 1 2 ... settings, o is the
 * result and n nothing. */
static PyObject *
keep(Call *call, int mask, const Made *made)
{
    const char *letters = call->kept[mask];
    Py_ssize_t count = (Py_ssize_t)strlen(letters);
    PyObject *kept = PyTuple_New(count);
    for (Py_ssize_t i = 0; kept != NULL && i < count; i++) {
        char letter = letters[i];
        PyObject *value;
        if (letter >= 'a' && letter < 'a' + INPUTS) {
            value = made->inputs[letter - 'a'];
            value = Py_NewRef(value == Py_None ? call->known->nothing : value);
        }
        else if (letter >= 'A' && letter < 'A' + INPUTS) {
            value = shape_of(made->arrays[letter - 'A']);
        }
        else if (letter >= '0' && letter <= '9') {
            value = Py_XNewRef(setting_of(call, made, letter - '0'));
        }
        else {
            value = Py_NewRef(letter == 'o' ? (PyObject *)made->out : Py_None);
        }
        if (value == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_SystemError, "a setting was not given");
            }
            Py_CLEAR(kept);
            break;
        }
        PyTuple_SET_ITEM(kept, i, value);
    }
    return kept;
}

/* The node of a call, all but parents and saved values given: it takes them and the shape over. NULL with an error.
 *
 * `alike`: whether the rules written out for inputs of the output's shape and type fit.
 */
static PyObject *
node_of(Call *call, PyTypeObject *type, PyObject *parents, PyObject *saved, PyObject *shape, PyArray_Descr *dtype,
        int alike)
{
    Known *known = call->known;
    PyObject *push = NULL, *path = NULL, *seq = NULL, *node = NULL;
    if (parents == NULL || saved == NULL || shape == NULL) {
        goto failed;
    }
    alike = alike && dtype == SINGLE_DESCR[NPY_FLOAT] && PyTuple_Check(shape) && PyTuple_GET_SIZE(shape) > 0;
    push = alike ? Py_NewRef(call->push_alike) : PyObject_GetAttr(call->op, known->word.push);
    if (push == NULL || PyContextVar_Get(known->module_path, NULL, &path) < 0) {
        goto failed;
    }
    node = type->tp_alloc(type, 0);
    seq = node == NULL ? NULL : Py_TYPE(known->clock)->tp_iternext(known->clock);
    if (seq == NULL) {
        goto failed;
    }
    SLOT(node, known->n.parents) = parents;
    SLOT(node, known->n.saved) = saved;
    SLOT(node, known->n.device) = Py_NewRef(known->cpu);
    SLOT(node, known->n.shape) = shape;
    SLOT(node, known->n.dtype) = Py_NewRef((PyObject *)dtype);
    SLOT(node, known->n.push) = push;
    SLOT(node, known->n.path) = path == NULL ? Py_NewRef(Py_None) : path;
    SLOT(node, known->n.extra) = Py_NewRef(Py_None);
    SLOT(node, known->n.claim) = Py_NewRef(Py_None);
    SLOT(node, known->n.seq) = seq;
    return node;
failed:
    Py_XDECREF(parents);
    Py_XDECREF(saved);
    Py_XDECREF(shape);
    Py_XDECREF(push);
    Py_XDECREF(path);
    Py_XDECREF(node);
    return NULL;
}

#endif
