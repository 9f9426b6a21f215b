# SPDX-License-Identifier: BSD-2-Clause
# Cloud Storage: buckets, and objects that are uploaded at once or in pieces. Objects lie in the server's folder; their hashes are
# answered as the API does, or gcloud would take the upload for broken.
import base64
import hashlib
import re
import struct
import urllib.parse

from errors import ApiError, check_fields
from world import check_labels, now

BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
OBJECT_BYTES_MAX = 1 << 30
BUCKET_FIELDS = {"name", "location", "iamConfiguration", "softDeletePolicy", "lifecycle", "labels", "storageClass"}
PATCH_FIELDS = {"lifecycle", "softDeletePolicy"}


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)  # Castagnoli's, RFC 3720
        table.append(n)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc, table = 0xffffffff, CRC_TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def none_such():
    return ApiError(404, "notFound", "The specified bucket does not exist.")


class Storage:
    def __init__(self, world):
        self.world, self.uploads, self.count = world, {}, 0
        (world.folder / "objects").mkdir()

    def bucket(self, name):
        found = self.world.resources.get(f"b/{name}")
        if found is None:
            raise none_such()
        return found

    def object_path(self, bucket, name):
        return f"b/{bucket}/o/{urllib.parse.unquote(name)}"

    def file_of(self, bucket, name):
        """Where an object's content lies, or None."""
        found = self.world.resources.get(f"b/{bucket}/o/{name}")
        return self.world.folder / "objects" / found["generation"] if found else None

    # Buckets

    def create_bucket(self, ask):
        body = ask.json()
        check_fields(body, BUCKET_FIELDS, "bucket")
        name = body.get("name")
        if not isinstance(name, str) or not BUCKET.fullmatch(name):
            raise ApiError(400, "invalid", f"Invalid bucket name: '{name}'")
        if f"b/{name}" in self.world.resources:
            raise ApiError(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
        if not ask.query.get("project"):
            raise ApiError(400, "required", "Required parameter: project")
        check_labels(body.get("labels", {}))
        made = {**body, "kind": "storage#bucket", "id": name, "location": body.get("location", "US").upper(),
                "locationType": "region", "projectNumber": "123456789012", "timeCreated": now(), "updated": now(),
                "metageneration": "1", "storageClass": "STANDARD", "etag": "CAE=",
                "selfLink": f"{self.world.base}/storage/v1/b/{name}"}
        self.world.resources[f"b/{name}"] = made
        return made

    def list_buckets(self, ask):
        if not ask.query.get("project"):
            raise ApiError(400, "required", "Required parameter: project")
        prefix = ask.query.get("prefix", "")
        found = [bucket for bucket in self.world.under("b/", "storage#bucket") if bucket["name"].startswith(prefix)]
        return {"kind": "storage#buckets", **({"items": found} if found else {})}

    def get_bucket(self, ask, bucket):
        return self.bucket(bucket)

    def layout(self, ask, bucket):
        return {"kind": "storage#storageLayout", "bucket": bucket, "location": self.bucket(bucket)["location"],
                "locationType": "region", "hierarchicalNamespace": {"enabled": False}}

    def managed_folders(self, ask, bucket):
        self.bucket(bucket)
        return {"kind": "storage#managedFolders"}

    def patch_bucket(self, ask, bucket):
        found, body = self.bucket(bucket), ask.json()
        check_fields(body, BUCKET_FIELDS | set(found), "bucket")  # gcloud sends back all that it was given
        labels = {**found.get("labels", {}), **(body.get("labels") or {})}
        found.update({field: body[field] for field in PATCH_FIELDS & set(body)})
        found.update(labels=check_labels({key: value for key, value in labels.items() if value is not None}),
                     metageneration=str(int(found["metageneration"]) + 1), updated=now())
        return found

    def delete_bucket(self, ask, bucket):
        self.bucket(bucket)
        if self.world.under(f"b/{bucket}/o/", "storage#object"):
            raise ApiError(409, "conflict", "The bucket you tried to delete is not empty.")
        del self.world.resources[f"b/{bucket}"]
        return None

    # Objects

    def list_objects(self, ask, bucket):
        self.bucket(bucket)
        prefix = ask.query.get("prefix", "")
        found = [one for one in self.world.under(f"b/{bucket}/o/", "storage#object") if one["name"].startswith(prefix)]
        return {"kind": "storage#objects", **({"items": found} if found else {})}

    def get_object(self, ask, bucket, name):
        self.bucket(bucket)
        path = self.object_path(bucket, name)
        if path not in self.world.resources:
            raise ApiError(404, "notFound", f"No such object: {bucket}/{path.partition('/o/')[2]}")
        found = self.world.resources[path]
        if ask.query.get("generation", found["generation"]) != found["generation"]:
            raise ApiError(404, "notFound", f"No such object: {found['id']}")
        return found

    def delete_object(self, ask, bucket, name):
        found = self.get_object(ask, bucket, name)
        (self.world.folder / "objects" / found["generation"]).unlink()
        del self.world.resources[self.object_path(bucket, name)]
        return None

    def store(self, bucket, words, data):
        self.bucket(bucket)
        name = words.get("name")
        if not isinstance(name, str) or not 0 < len(name.encode()) <= 1024 or "\n" in name:
            raise ApiError(400, "required", "Required parameter: name")
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        crc = base64.b64encode(struct.pack(">I", crc32c(data))).decode()
        for field, due in (("md5Hash", md5), ("crc32c", crc)):
            if words.get(field, due) != due:
                raise ApiError(400, "invalid", f"Provided {field} \"{words[field]}\" doesn't match calculated \"{due}\".")
        old = self.file_of(bucket, name)
        generation = self.world.number()
        (self.world.folder / "objects" / generation).write_bytes(data)
        if old:
            old.unlink()
        where = f"{self.world.base}/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}"
        made = {"kind": "storage#object", "id": f"{bucket}/{name}/{generation}", "name": name, "bucket": bucket,
                "generation": generation, "metageneration": "1", "size": str(len(data)), "md5Hash": md5, "crc32c": crc,
                "contentType": words.get("contentType", "application/octet-stream"), "storageClass": "STANDARD", "etag": "CAE=",
                "timeCreated": now(), "updated": now(), "selfLink": where, "mediaLink": where + "?alt=media"}
        self.world.resources[f"b/{bucket}/o/{name}"] = made
        return made

    def upload(self, ask, bucket):
        kind = ask.query.get("uploadType")
        if kind == "multipart":
            words, data = self.parts(ask)
            return self.store(bucket, {"name": ask.query.get("name"), **words}, data)
        if kind == "resumable":
            self.bucket(bucket)
            self.count += 1
            words = ask.json() if ask.body else {}
            self.uploads[str(self.count)] = [bucket, {"name": ask.query.get("name"), **words}, b""]
            parameters = f"uploadType=resumable&upload_id={self.count}"
            ask.headers_back["Location"] = f"{self.world.base}/resumable/upload/storage/v1/b/{bucket}/o?{parameters}"
            return {}
        raise ApiError(400, "invalid", f"Invalid upload type: {kind}")

    def parts(self, ask):
        """Words and content of a multipart body (RFC 2387); gcloud ends its lines with \\n alone."""
        boundary = re.search(r"boundary=[\"']?([^\"';]+)", ask.content_type)
        pieces = ask.body.split(b"--" + boundary[1].encode("latin-1")) if boundary else []
        contents = []
        for piece in pieces[1:-1]:
            end = re.search(rb"(\r?\n)\1", piece)
            contents.append(piece[end.end():].removesuffix(end[1]) if end else b"")
        if len(contents) != 2 or not pieces[-1].startswith(b"--"):
            raise ApiError(400, "badContent", "Multipart must contain exactly two parts: metadata and content.")
        return ask.json(contents[0]), contents[1]

    def piece(self, ask):
        """PUT of a resumable upload: Content-Range says which bytes, `*` of which nobody knows the end yet."""
        number = ask.query.get("upload_id", "")
        if number not in self.uploads:
            raise ApiError(404, "notFound", "No such upload")
        bucket, words, data = self.uploads[number]
        said = ask.headers.get("Content-Range", f"bytes 0-{max(0, len(ask.body) - 1)}/{len(ask.body)}")
        found = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", said)
        if not found or (found[1] and int(found[1]) != len(data)) or len(data) + len(ask.body) > OBJECT_BYTES_MAX:
            raise ApiError(400, "invalid", "Invalid Content-Range")
        data = self.uploads[number][2] = data + ask.body
        if found[3] != "*" and int(found[3]) == len(data):
            del self.uploads[number]
            return self.store(bucket, words, data)
        if data:
            ask.headers_back["Range"] = f"bytes=0-{len(data) - 1}"
        ask.status_back = 308
        return {}
