// Which words of a property are phandles, and of which nodes: known by the property's name.
// Devicetree Specification 0.4, 2.4 and 2.5; Linux drivers/of/property.c (of_supplier_bindings), drivers/of/irq.c,
// drivers/of/base.c (of_map_id); dt-schema; for the rest, how Linux's own trees write <&label>.

import type { ByteString } from "../sys/engine.ts";
import { cellIn, viewOf } from "./cells.ts";
import { interruptParent, nearestAddressCells } from "./interrupts.ts";
import { stringsOf } from "./strings.ts";
import type { Position, Survey } from "./survey.ts";
import { type Node, type Property, property } from "./tree.ts";

/** Phandles with arguments, and which property of the node so named counts those. */
const COUNTED: ReadonlyMap<ByteString, ByteString> = new Map([
  ["assigned-clock-parents", "#clock-cells"],
  ["assigned-clocks", "#clock-cells"],
  ["clocks", "#clock-cells"],
  ["cooling-device", "#cooling-cells"],
  ["dmas", "#dma-cells"],
  ["fsl,usbmisc", "#index-cells"],
  ["hwlocks", "#hwlock-cells"],
  ["interconnects", "#interconnect-cells"],
  ["interrupts-extended", "#interrupt-cells"],
  ["io-backends", "#io-backend-cells"],
  ["io-channels", "#io-channel-cells"],
  ["iommus", "#iommu-cells"],
  ["mboxes", "#mbox-cells"],
  ["msi-parent", "#msi-cells"],
  ["mux-controls", "#mux-control-cells"],
  ["nvmem-cells", "#nvmem-cell-cells"],
  ["performance-domains", "#performance-domain-cells"],
  ["phys", "#phy-cells"],
  ["power-domains", "#power-domain-cells"],
  ["pwms", "#pwm-cells"],
  ["qcom,freq-domain", "#freq-domain-cells"],
  ["qcom,smem-states", "#qcom,smem-state-cells"],
  ["resets", "#reset-cells"],
  ["sound-dai", "#sound-dai-cells"],
  ["thermal-sensors", "#thermal-sensor-cells"],
  ["trigger-sources", "#trigger-source-cells"],
]);

/** But for snps,nr-gpios, which is a number. */
const GPIOS = /^gpios?$|(?<!,nr)-gpios?$|^gpio-(?:sck|mosi|miso)$/;

/** Entries of so many words, of which the one with this index is a phandle. */
const PERIODIC: ReadonlyMap<ByteString, readonly [words: number, at: number]> = new Map([
  ["gpio-ranges", [4, 0]],
  ["iommu-map", [4, 1]],
  ["msi-map", [4, 1]],
  ["pinctrl-single,gpio-range", [4, 0]],
  ["renesas,vsps", [2, 0]],
  ["rockchip,pins", [4, 3]],
  ["ti,tptcs", [2, 0]],
]);

/** Nothing but phandles. */
const PLAIN: readonly ByteString[] = [
  "access-controllers",
  "cpu-idle-states",
  "cpus",
  "domain-idle-states",
  "interrupt-parent",
  "l2-cache",
  "l3-cache",
  "linux,stdout-package",
  "memory-region",
  "mmc-pwrseq",
  "monitored-battery",
  "next-level-cache",
  "operating-points-v2",
  "phy-handle",
  "post-init-providers",
  "power-supplies",
  "remote-endpoint",
  "required-opps",
  "shmem",
  "trip",
  "wakeup-parent",
];

/** With those that machines of one make have, and those whose names other nodes give to other values. */
const LISTS: ReadonlySet<ByteString> = words([
  ...PLAIN,
  "affinity allwinner,codec-analog-controls allwinner,pipelines altr,ecc-parent amlogic,ao-secure amlogic,canvas",
  "arm,cs-dev-assoc aspeed,external-nodes aspeed,scu atmel,matrix atmel,smc audio-aux-devs audio-cpu backlight",
  "bitclock-master buffer-manager capture cci-control-port companion controller cpu dais ddc ddc-i2c-bus devfreq",
  "devfreq-events display ecc-engine ethernet extcon fpga-mgr frame-master fsl,anatop fsl,fman-ports",
  "fsl,input-sel fsl,iommu-parent fsl,iram fsl,pres fsl,prg fsl,tempmon fsl,usbphy fsl,weim-cs-gpr gpr i2c-bus",
  "i2c-parent interrupt-affinity iram leds mal-device marvell,crypto-srams marvell,system-controller",
  "marvell,usb-misc-reg mdio-parent-bus mediatek,apmixedsys mediatek,auxadc mediatek,cci mediatek,infracfg",
  "mediatek,larbs mediatek,platform mediatek,smi native-mode nvidia,ddc-i2c-bus nvidia,i2s-controller",
  "nvidia,memory-controller nvidia,outputs nvidia,phy nvidia,xusb-padctl peer-hub phy playback pm-sram pm_qos ports",
  "ptp-timer qcom,acc qcom,bcm-voters qcom,gmu qcom,mmio qcom,qmp qcom,rpm-msg-ram qcom,saw regmap",
  "regulator-coupled-with renesas,bonding renesas,fcp rockchip,pmu rockchip,usbgrf secure-monitor sfp",
  "simple-audio-card,aux-devs simple-audio-card,bitclock-master simple-audio-card,frame-master snps,axi-config",
  "spdif-controller sram ssi-controller ste,config ti,ctrl_mod ti,mcbsp ti,rproc ti,sci ti,timers",
  "ti,watchdog-timers usb-phy",
]);
const LIST_NAME = /^pinctrl-[0-9]+$|-supply$|-p?handle$|codec$/;

/** One phandle, and numbers behind it: a node of registers, and which of them. */
const FIRST: ReadonlySet<ByteString> = words([
  "allwinner,sram fsl,liodn-reg fsl,mipi-phy-gpr fsl,rcpm-wakeup fsl,stop-mode intel,npe-handle",
  "mediatek,gce-client-reg nvidia,bpmp nvidia,pmc qcom,dload-mode qcom,halt-regs qcom,spare-regs queue-rx",
  "queue-txready renesas,ipmmu-main rockchip,grf ti,bootreg",
]);
const FIRST_NAME = /syscon|syscfg|sysreg$|sysctrl$|-grf$|^qcom,ipc/;

function words(lines: readonly string[]): ReadonlySet<ByteString> {
  return new Set(lines.flatMap((line) => line.split(" ")));
}

/** Names under which nothing else is found. */
const STANDARD: ReadonlySet<ByteString> = new Set([...PLAIN, ...COUNTED.keys(), ...PERIODIC.keys(), "interrupt-map"]);
const STANDARD_NAME = /^pinctrl-[0-9]+$|-supply$/;

/** Whether every property of that name is of phandles, perhaps with other numbers between them. */
export function isOfPhandles(name: ByteString): boolean {
  return STANDARD.has(name) || STANDARD_NAME.test(name) || GPIOS.test(name);
}

/**
 * Tells each word of a property that is the phandle of a node of the tree, as far as its name says which are.
 * @param tell gets the word's index and the node
 */
export function eachReference(
  survey: Survey,
  position: Position,
  { name, value }: Property,
  tell: (index: number, target: Position) => void,
): void {
  if (value.length === 0 || value.length % 4 !== 0) return;
  const entries = entriesOf(survey, position, name);
  if (entries === undefined) return;
  const { before, behind } = entries;
  const words = viewOf(value);
  const targetAt = (index: number): Position | undefined =>
    4 * index < value.length ? survey.byPhandle.get(words.getUint32(4 * index)) : undefined;
  for (let index = before; 4 * index < value.length; ) {
    const target = targetAt(index);
    if (target !== undefined) tell(index, target);
    // TI's mailboxes are nodes in a node, and the second one's argument.
    const part = name === "mboxes" ? targetAt(index + 1) : undefined;
    if (part?.parent !== undefined && part.parent === target) tell(index + 1, part);
    const more = behind(target);
    // 0 stands for an entry that was left out.
    if (more === undefined && words.getUint32(4 * index) !== 0) return;
    index += 1 + (more ?? 0) + before;
  }
}

/** What the entries of a property are: so many words, a phandle, and words behind it. */
interface Entries {
  readonly before: number;
  /** How many words follow a phandle of this node; undefined where it names none, and nobody knows. */
  behind(target: Position | undefined): number | undefined;
}

function entriesOf(survey: Survey, position: Position, name: ByteString): Entries | undefined {
  const { node } = position;
  if (name === "interrupt-map") {
    const namesNoAddress = isCompatible(node, /^fsl,ls.*-extirq$/);
    return {
      before: nearestAddressCells(position) + (cellIn(node, "#interrupt-cells") ?? 0),
      behind: (target) =>
        target && (namesNoAddress ? 0 : cellCount(target, "#address-cells")) + cellCount(target, "#interrupt-cells"),
    };
  }
  if (name === "interrupts") return hasPartitions(interruptParent(survey, position)) ? fixed(4, 3) : undefined;
  const period = PERIODIC.get(name);
  if (period !== undefined) return fixed(period[0], period[1]);
  if (name === "gpios" && property(node, "gpio-hog") !== undefined) return undefined;
  const counter = GPIOS.test(name) ? "#gpio-cells" : COUNTED.get(name);
  if (counter !== undefined) return counted(0, counter);
  if (FIRST.has(name) || FIRST_NAME.test(name)) return fixed(Infinity, 0);
  if (LISTS.has(name) || LIST_NAME.test(name)) return fixed(1, 0);
  // A connector hands on what is plugged into it by a gpio-map, a pwm-map. Devicetree Specification 0.4, 2.5.
  const kind = /^([a-z-]+)-map$/.exec(name)?.[1];
  const own = kind === undefined ? undefined : cellIn(node, `#${kind}-cells`);
  return own === undefined ? undefined : counted(own, `#${kind}-cells`);
}

/** Entries of so many words, of which the one with this index is a phandle. */
function fixed(words: number, at: number): Entries {
  return { before: at, behind: () => words - at - 1 };
}

function counted(before: number, counter: ByteString): Entries {
  return { before, behind: (target) => target && cellCount(target, counter) };
}

function cellCount({ node }: Position, name: ByteString): number {
  return cellIn(node, name) ?? 0;
}

/** Whether the last of four cells of an interrupt may be a set of cpus (drivers/irqchip/irq-gic-v3.c). */
function hasPartitions(taker: Position | undefined): boolean {
  return (
    taker !== undefined && cellIn(taker.node, "#interrupt-cells") === 4 && isCompatible(taker.node, /^arm,gic-v3$/)
  );
}

/** Looks at no more than real ones have: a million nodes may ask the same one. */
function isCompatible(node: Node, pattern: RegExp): boolean {
  const compatible = property(node, "compatible") ?? new Uint8Array(0);
  return stringsOf(compatible.subarray(0, 1024)).some((text) => pattern.test(text));
}
