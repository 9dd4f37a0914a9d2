// The list of what is inside the executables, as CycloneDX 1.6 has it, for programs that look for known holes.

import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { Part } from "./inside.ts";

/** An executable and what is in it. */
export interface Delivered {
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
  readonly parts: readonly Part[];
}

export interface Product {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  readonly terms: string;
}

/**
 * The list as JSON. The same executables give the same bytes: it has no time and no serial number.
 * @param tools programs that made the executables, with their versions
 */
export function billOfMaterials(
  { name, version, commit, terms }: Product,
  delivered: readonly Delivered[],
  tools: readonly Pick<Part, "name" | "version">[],
): string {
  const { Application, Library } = Enums.ComponentType;
  const product = new Models.Component(Application, name, {
    bomRef: name,
    version,
    licenses: new Models.LicenseRepository([new Models.LicenseExpression(terms)]),
    properties: new Models.PropertyRepository([new Models.Property("kexecbox:commit", commit)]),
  });
  const bom = new Models.Bom({
    metadata: new Models.Metadata({
      component: product,
      tools: new Models.Tools({
        components: new Models.ComponentRepository(
          tools.map((tool) => new Models.Component(Application, tool.name, { version: tool.version })),
        ),
      }),
    }),
  });
  const known = new Map<string, Models.Component>();
  for (const { name, sha256, parts } of delivered) {
    const executable = new Models.Component(Application, name, {
      bomRef: name,
      version,
      hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], sha256]]),
    });
    product.dependencies.add(executable.bomRef);
    bom.components.add(executable);
    for (const part of parts) {
      const reference = `${part.purl ?? `${part.name}@${part.version}`}`;
      const component = known.get(reference) ?? componentOf(part, Library, reference);
      known.set(reference, component);
      bom.components.add(component);
      executable.dependencies.add(component.bomRef);
    }
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf(part: Part, type: Enums.ComponentType, reference: string): Models.Component {
  const { name, version, terms, spdx, purl, hash, inside = [] } = part;
  const license = spdx === undefined ? new Models.NamedLicense(terms) : new Models.LicenseExpression(spdx);
  return new Models.Component(type, name, {
    bomRef: reference,
    version,
    licenses: new Models.LicenseRepository([license]),
    ...(purl === undefined ? {} : { purl }),
    ...(hash === undefined
      ? {}
      : { hashes: new Models.HashDictionary([[Enums.HashAlgorithm[hash.algorithm], hash.digits]]) }),
    components: new Models.ComponentRepository(
      inside.map((each) => componentOf(each, type, `${reference}#${each.name}`)),
    ),
  });
}
