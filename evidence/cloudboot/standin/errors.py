# SPDX-License-Identifier: BSD-2-Clause
# Answers that refuse, as the cloud words them: one for a request, one for an operation that was begun and failed.


class ApiError(Exception):
    """A request is refused. `status`: of HTTP; `reason`: the API's one word for it."""

    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def body(self):
        detail = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": self.message, "errors": [detail]}}


class OperationError(Exception):
    """An operation ends without what was asked. `code`: the API's word in capitals."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def not_found(path):
    return ApiError(404, "notFound", f"The resource '{path}' was not found")


def already_exists(path):
    return ApiError(409, "alreadyExists", f"The resource '{path}' already exists")


def invalid(field, value, why):
    return ApiError(400, "invalid", f"Invalid value for field '{field}': '{value}'. {why}")


def in_use(kind, path, by):
    return ApiError(400, "resourceInUseByAnotherResource", f"The {kind} resource '{path}' is already being used by '{by}'")


def not_ready(path):
    return ApiError(400, "resourceNotReady", f"The resource '{path}' is not ready")


def check_fields(body, allowed, where="resource"):
    """A field that nobody here would act on is refused: what is not judged is not believed."""
    if not isinstance(body, dict):
        raise ApiError(400, "badRequest", f"Invalid value at '{where}': an object is due")
    for name in body:
        if name not in allowed:
            raise ApiError(400, "badRequest",
                           f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")
