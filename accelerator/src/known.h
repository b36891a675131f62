/* What the accelerator knows of gradviz: its classes, where their slots are, what is looked at on every call.
 *
 * gradviz hands all of it over once, by name (gradviz/core/accelerator.py). Nothing is imported from here.
 */
#ifndef KNOWN_H
#define KNOWN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

/* The objects, in the order in which they are handed over. */
#define OBJECTS(X) \
    X(tensor)       /* the class Tensor */ \
    X(node)         /* the class Node */ \
    X(cpu)          /* the device whose arrays are NumPy's */ \
    X(grad_mode)    /* ContextVar: is it recorded? */ \
    X(module_path)  /* ContextVar: inside which modules */ \
    X(clock)        /* the iterator that numbers nodes */ \
    X(events)       /* the globals of events.py, for `watching` */ \
    X(inference)    /* the globals of inference.py, for `ever` */ \
    X(accumulator)  /* (leaf) -> its AccumulateGrad, made if there is none */ \
    X(scalar)       /* the class Scalar */ \
    X(floats)       /* {number: its Scalar}, numbers held as arrays */ \
    X(ints)         /* the same for integers */ \
    X(nothing)      /* the Scalar that stands for None */ \
    X(hold)         /* (number) -> its Scalar, made and kept */ \
    X(wrap)         /* (a scalar of NumPy) -> an array */ \
    X(errstate)     /* ContextVar of NumPy: what is done about floating-point errors; None if it is not to be had */ \
    X(usual)        /* its value where nobody changed that */

/* The slots that are read and written by their place in the object. */
#define TENSOR_SLOTS(X) X(_array) X(device) X(_edge) X(_needs)
#define NODE_SLOTS(X) X(parents) X(saved) X(device) X(shape) X(dtype) X(push) X(path) X(extra) X(claim) X(seq)

/* The names that are looked up while calls are made, interned. */
#define WORDS(X) X(watching) X(ever) X(_accumulator) X(push) X(shape) X(dtype)

#define SUBTYPES 8 /* subclasses of Tensor that are known to be as plain as Tensor */

typedef struct {
    PyObject_HEAD
    PyTypeObject *call_type;
#define X(name) PyObject *name;
    OBJECTS(X)
#undef X
    struct {
#define X(name) Py_ssize_t name;
        TENSOR_SLOTS(X)
    } t;
    struct {
        NODE_SLOTS(X)
#undef X
    } n;
    struct {
#define X(name) PyObject *name;
        WORDS(X)
#undef X
    } word;
    Py_ssize_t scalar_array;
    struct {
        PyTypeObject *type; /* not owned: a version is never given twice */
        unsigned int version;
    } plain[SUBTYPES];
    int next_plain;
    Py_ssize_t taken;
    char enabled;
} Known;

/* The object in a slot, NULL if it was deleted. */
#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

static const char *const TENSOR_SLOT_NAMES[] = {
#define X(name) #name,
    TENSOR_SLOTS(X) NULL
#undef X
};

/* Where a slot is in the instances of a class; -1 with an error if it is no slot. */
static Py_ssize_t
slot_of(PyObject *type, const char *name)
{
    Py_ssize_t offset = -1;
    PyObject *found = PyObject_GetAttrString(type, name);
    if (found == NULL) {
        return -1;
    }
    if (Py_IS_TYPE(found, &PyMemberDescr_Type) && ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX) {
        offset = ((PyMemberDescrObject *)found)->d_member->offset;
    }
    else {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", type, name);
    }
    Py_DECREF(found);
    return offset;
}

/* Whether a subclass of Tensor has Tensor's own slots under their names, and nothing that stands before them. */
static int
is_plain_subtype(Known *known, PyTypeObject *type)
{
    PyTypeObject *tensor = (PyTypeObject *)known->tensor;
    if (!PyType_IsSubtype(type, tensor) || type->tp_getattro != tensor->tp_getattro) {
        return 0;
    }
    for (const char *const *name = TENSOR_SLOT_NAMES; *name != NULL; name++) {
        PyObject *own = PyObject_GetAttrString(known->tensor, *name);
        PyObject *found = own == NULL ? NULL : PyObject_GetAttrString((PyObject *)type, *name);
        int same = own != NULL && own == found;
        Py_XDECREF(own);
        Py_XDECREF(found);
        if (!same) {
            PyErr_Clear();
            return 0;
        }
    }
    if (type->tp_version_tag != 0) {
        known->plain[known->next_plain].type = type;
        known->plain[known->next_plain].version = type->tp_version_tag;
        known->next_plain = (known->next_plain + 1) % SUBTYPES;
    }
    return 1;
}

static inline int
is_plain(Known *known, PyObject *x)
{
    PyTypeObject *type = Py_TYPE(x);
    if (type == (PyTypeObject *)known->tensor) {
        return 1;
    }
    unsigned int version = type->tp_version_tag;
    for (int i = 0; version != 0 && i < SUBTYPES; i++) {
        if (known->plain[i].type == type && known->plain[i].version == version) {
            return 1;
        }
    }
    return is_plain_subtype(known, type);
}

/* Whether a global of gradviz is False: nobody watches, there never was an inference_mode. */
static inline int
is_false(PyObject *globals, PyObject *name)
{
    return PyDict_GetItemWithError(globals, name) == Py_False;
}

/* ---------------------------------------------------------------------------------------------- the Python object */

static int
known_traverse(PyObject *self, visitproc visit, void *arg)
{
    Known *known = (Known *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(known->call_type);
#define X(name) Py_VISIT(known->name);
    OBJECTS(X)
#undef X
    return 0;
}

static int
known_clear(PyObject *self)
{
    Known *known = (Known *)self;
    Py_CLEAR(known->call_type);
#define X(name) Py_CLEAR(known->name);
    OBJECTS(X)
#undef X
    return 0;
}

static void
known_dealloc(PyObject *self)
{
    Known *known = (Known *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    known_clear(self);
#define X(name) Py_XDECREF(known->word.name);
    WORDS(X)
#undef X
    type->tp_free(self);
    Py_DECREF(type);
}

static int
find_slots(Known *known)
{
#define X(name) \
    if ((known->t.name = slot_of(known->tensor, #name)) < 0) { \
        return -1; \
    }
    TENSOR_SLOTS(X)
#undef X
#define X(name) \
    if ((known->n.name = slot_of(known->node, #name)) < 0) { \
        return -1; \
    }
    NODE_SLOTS(X)
#undef X
    known->scalar_array = slot_of(known->scalar, "_array");
    return known->scalar_array < 0 ? -1 : 0;
}

static int
find_words(Known *known)
{
#define X(name) \
    if ((known->word.name = PyUnicode_InternFromString(#name)) == NULL) { \
        return -1; \
    }
    WORDS(X)
#undef X
    return 0;
}

static PyObject *
known_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
#define X(name) #name,
        OBJECTS(X) NULL
#undef X
    };
    PyObject *given[sizeof(names) / sizeof(names[0])] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "$OOOOOOOOOOOOOOOOO:Known", names, &given[0], &given[1], &given[2], &given[3], &given[4],
            &given[5], &given[6], &given[7], &given[8], &given[9], &given[10], &given[11], &given[12], &given[13],
            &given[14], &given[15], &given[16])) {
        return NULL;
    }
    PyTypeObject **call_type = PyType_GetModuleState(type);
    Known *known = call_type == NULL ? NULL : (Known *)type->tp_alloc(type, 0);
    if (known == NULL) {
        return NULL;
    }
    int i = 0;
#define X(name) known->name = Py_NewRef(given[i++]);
    OBJECTS(X)
#undef X
    known->call_type = (PyTypeObject *)Py_NewRef((PyObject *)*call_type);
    known->enabled = 1;
    int fits = PyType_Check(known->tensor) && PyType_Check(known->node) && PyType_Check(known->scalar) &&
               PyContextVar_CheckExact(known->grad_mode) && PyContextVar_CheckExact(known->module_path) &&
               (known->errstate == Py_None || PyContextVar_CheckExact(known->errstate)) &&
               PyIter_Check(known->clock) && PyDict_Check(known->events) && PyDict_Check(known->inference) &&
               PyDict_Check(known->floats) && PyDict_Check(known->ints);
    if (!fits) {
        PyErr_SetString(PyExc_TypeError, "Known() was given something of another kind than it must be");
    }
    if (!fits || find_slots(known) < 0 || find_words(known) < 0) {
        Py_DECREF(known);
        return NULL;
    }
    return (PyObject *)known;
}

static PyMemberDef known_members[] = {
    {"enabled", T_BOOL, offsetof(Known, enabled), 0, "Whether calls are made here; if not, in Python."},
    {"taken", T_PYSSIZET, offsetof(Known, taken), READONLY, "How many calls were made here, and not left to Python."},
    {NULL, 0, 0, 0, NULL},
};

#endif
