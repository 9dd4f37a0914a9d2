// Walks over the nodes of a tree: every node before its children, in their order.

import type { ByteString } from "../sys/engine.ts";
import { settleLists } from "./changing.ts";
import type { Node } from "./tree.ts";

/** A node whose children are being walked over, and the nodes that hold it. */
export interface Open {
  readonly node: Node;
  /** Undefined for the root. */
  readonly parent: Open | undefined;
}

export interface Walker {
  /** `parent` is undefined for the root. False skips what is below the node; `leave` is then not called for it. */
  enter(node: Node, parent: Open | undefined): boolean | undefined;
  leave?(node: Node): void;
}

interface Level extends Open {
  readonly parent: Level | undefined;
  /** The child that is entered next. */
  next: number;
}

/** Walks without recursion: depth costs no stack. */
export function walk(root: Node, walker: Walker): void {
  settleLists();
  if (walker.enter(root, undefined) === false) return;
  let open: Level | undefined = { node: root, parent: undefined, next: 0 };
  while (open !== undefined) {
    const node: Node | undefined = open.node.children[open.next++];
    if (node === undefined) {
      walker.leave?.(open.node);
      open = open.parent;
    } else if (walker.enter(node, open) !== false) {
      open = { node, parent: open, next: 0 };
    }
  }
}

/** The node and all below it, in any order. */
export function listBelow(node: Node): Node[] {
  const all = [node];
  for (let next = 0; next < all.length; next++) for (const child of all[next]?.children ?? []) all.push(child);
  return all;
}

/** The full path of a node that walk() enters. The root's is `/`. */
export function pathOf(node: Node, parent: Open | undefined): ByteString {
  if (parent === undefined) return "/";
  let path = `/${node.name}`;
  for (let open = parent; open.parent !== undefined; open = open.parent) path = `/${open.node.name}${path}`;
  return path;
}

export interface Visitor {
  /** `path` is the node's full path; the root's is `/`. */
  enter(node: Node, path: ByteString): void;
  leave?(node: Node): void;
}

/** Visits every node, with its path. */
export function visit(root: Node, visitor: Visitor): void {
  const paths: ByteString[] = [];
  walk(root, {
    enter(node) {
      const path = paths.length === 0 ? "" : `${paths.at(-1)}/${node.name}`;
      paths.push(path);
      visitor.enter(node, path || "/");
    },
    leave(node) {
      paths.pop();
      visitor.leave?.(node);
    },
  });
}
