// A tree as a directory of files: the inverse of what fs2dt does, for making trees to test with.

import { Failure } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { CWD, INTERRUPTS, O_CREAT, O_EXCL, O_WRONLY, type System } from "../../sys/system.ts";
import { below } from "../names.ts";
import { isSecret } from "../secrets.ts";
import type { Node, Property } from "../tree.ts";
import { visit } from "../walk.ts";

/** NAME_MAX. */
const MAX_FILE_NAME = 255;

/**
 * Makes `directory`, which must not be there, with a directory for each node and a file for each property. Where that
 * fails half way or is interrupted, what was made is removed.
 */
export function writeDirectory(system: System, root: Node, directory: ByteString): void {
  refuseNames(root);
  system.uninterrupted(() => write(system, root, directory));
}

function write(system: System, root: Node, directory: ByteString): void {
  const made: ByteString[] = [];
  try {
    visit(root, {
      enter(node, path) {
        if (system.pending(INTERRUPTS) !== undefined) throw new Failure(directory, "interrupted");
        const own = directory + (path === "/" ? "" : path);
        system.must(system.call("mkdirat", CWD, own, 0o777), own);
        made.push(own);
        for (const property of node.properties) made.push(writeFile(system, `${own}/${property.name}`, property));
      },
    });
  } catch (error) {
    for (const path of made.reverse()) system.remove(path);
    throw error;
  }
}

/** Thousands of them are not waited for one by one until they are on a disk. */
function writeFile(system: System, path: ByteString, property: Property): ByteString {
  const mode = isSecret(property) ? 0o600 : 0o666;
  const descriptor = system.must(system.open(CWD, path, O_WRONLY | O_CREAT | O_EXCL, mode), path);
  try {
    system.writeFile(descriptor, property.value, path, false);
  } catch (error) {
    system.remove(path);
    throw error;
  }
  return path;
}

function refuseNames(root: Node): void {
  visit(root, {
    enter({ properties, children }, path) {
      const names = new Set<ByteString>();
      for (const { name } of [...properties, ...children]) {
        if (!/^(?!\.{1,2}$)[^/\0]+$/.test(name) || name.length > MAX_FILE_NAME)
          throw new Failure(below(path, name), "is not a file name");
        if (names.has(name))
          throw new Failure(below(path, name), "two entries of one name: a directory cannot hold them");
        names.add(name);
      }
    },
  });
}
