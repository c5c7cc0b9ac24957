/*
 * Register bits and descriptor layouts of the 8254x, under the SDM's names (chapters 3 and 13).
 */
#ifndef HW_NET_E1000_REGS_H
#define HW_NET_E1000_REGS_H

#define E1000_MMIO_SIZE 0x20000
#define E1000_IO_SIZE   64

#define CTRL_FD      (1u << 0)
#define CTRL_LRST    (1u << 3)
#define CTRL_SLU     (1u << 6)
#define CTRL_SPEED   (3u << 8)
#define CTRL_RST     (1u << 26)
#define CTRL_VME     (1u << 30)
#define CTRL_PHY_RST (1u << 31)

#define STATUS_FD         (1u << 0)
#define STATUS_LU         (1u << 1)
#define STATUS_SPEED_1000 (2u << 6)
#define STATUS_ASDV_1000  (2u << 8)

#define EECD_SK         (1u << 0)
#define EECD_CS         (1u << 1)
#define EECD_DI         (1u << 2)
#define EECD_DO         (1u << 3)
#define EECD_FWE_DIS    (1u << 4)
#define EECD_EE_REQ     (1u << 6)
#define EECD_EE_GNT     (1u << 7)
#define EECD_EE_PRES    (1u << 8)
#define EERD_START      (1u << 0)
#define EERD_DONE       (1u << 4)
#define EERD_ADDR_SHIFT 8
#define EERD_DATA_SHIFT 16

#define CTRL_EXT_EE_RST (1u << 13)

#define MDIC_DATA      0xffffu
#define MDIC_REG_SHIFT 16
#define MDIC_PHY_SHIFT 21
#define MDIC_OP        (3u << 26)
#define MDIC_OP_WRITE  (1u << 26)
#define MDIC_OP_READ   (2u << 26)
#define MDIC_READY     (1u << 28)
#define MDIC_INT       (1u << 29)
#define MDIC_ERROR     (1u << 30)

#define ICR_TXDW    (1u << 0)
#define ICR_TXQE    (1u << 1)
#define ICR_LSC     (1u << 2)
#define ICR_RXDMT0  (1u << 4)
#define ICR_RXT0    (1u << 7)
#define ICR_MDAC    (1u << 9)
#define ICR_TXD_LOW (1u << 15)
#define ICR_SRPD    (1u << 16)
#define ICR_CAUSES  0x1ffffu

#define RCTL_EN          (1u << 1)
#define RCTL_UPE         (1u << 3)
#define RCTL_MPE         (1u << 4)
#define RCTL_LPE         (1u << 5)
#define RCTL_LBM         (3u << 6)
#define RCTL_RDMTS_SHIFT 8
#define RCTL_MO_SHIFT    12
#define RCTL_BAM         (1u << 15)
#define RCTL_BSIZE_SHIFT 16
#define RCTL_VFE         (1u << 18)
#define RCTL_CFIEN       (1u << 19)
#define RCTL_CFI         (1u << 20)
#define RCTL_PMCF        (1u << 23)
#define RCTL_BSEX        (1u << 25)
#define RCTL_SECRC       (1u << 26)

#define TCTL_EN  (1u << 1)
#define TCTL_PSP (1u << 3)

#define RDTR_FPD           (1u << 31)
#define TXDCTL_LWTHRESH(r) ((r) >> 25) /* in units of 8 descriptors */

#define RXCSUM_PCSS   0xffu
#define RXCSUM_IPOFLD (1u << 8)
#define RXCSUM_TUOFLD (1u << 9)

#define RAH_AV         (1u << 31)
#define RAH_ASEL_SHIFT 16
#define RAH_MASK       0x8003ffff

/* ---- Descriptors: 16 bytes, little-endian ---- */

#define DESC_SIZE 16

/* Receive (SDM 3.2.3): address, then these. */
#define RDESC_LENGTH   8
#define RDESC_CHECKSUM 10
#define RDESC_STATUS   12
#define RDESC_ERRORS   13
#define RDESC_SPECIAL  14

#define RDESC_DD    0x01
#define RDESC_EOP   0x02
#define RDESC_IXSM  0x04
#define RDESC_VP    0x08
#define RDESC_TCPCS 0x20
#define RDESC_IPCS  0x40
#define RDESC_PIF   0x80
#define RDESC_TCPE  0x20
#define RDESC_IPE   0x40

/* Transmit: the command dword at 8 and the status dword at 12 are alike in all three kinds. */
#define TDESC_COMMAND  8
#define TDESC_STATUS   12
#define TDESC_DD       0x01u
#define TDESC_EOP      (1u << 24)
#define TDESC_IC       (1u << 26) /* legacy */
#define TDESC_TSE      (1u << 26) /* data and context */
#define TDESC_RS       (1u << 27)
#define TDESC_DEXT     (1u << 29)
#define TDESC_VLE      (1u << 30)
#define TDESC_IDE      (1u << 31)
#define TDESC_DTYP     (15u << 20)
#define TDESC_DTYP_ONE (1u << 20) /* data; 0: context */
#define TDESC_DTALEN   0xfffffu
#define TUCMD_TCP      (1u << 24)
#define TUCMD_IP       (1u << 25)
#define POPTS_IXSM     (1u << 8)
#define POPTS_TXSM     (1u << 9)

#define TX_FRAME_MAX 16288 /* SDM 3.3.3: sum of a packet's descriptors, without segmentation */

/* ---- 88E1000 PHY (SDM 13.4.21 and chapter 11; IEEE 802.3 clause 22) ---- */

enum {
    PHY_PCTRL = 0,
    PHY_PSTATUS = 1,
    PHY_PID = 2,
    PHY_EPID = 3,
    PHY_ANA = 4,
    PHY_LPA = 5,
    PHY_ANE = 6,
    PHY_NPT = 7,
    PHY_LPN = 8,
    PHY_GCON = 9,
    PHY_GSTATUS = 10,
    PHY_ESTATUS = 15,
    PHY_PSCON = 16,
    PHY_PSSTAT = 17,
    PHY_PINTE = 18,
    PHY_PINTS = 19,
    PHY_EPSCON1 = 20,
    PHY_PREC = 21,
    PHY_REGISTERS = 32,
};

#define PCTRL_RESET      0x8000
#define PCTRL_LOOPBACK   0x4000
#define PCTRL_ANE        0x1000
#define PCTRL_POWER_DOWN 0x0800
#define PCTRL_RESTART    0x0200
#define PSTATUS_ANC      0x0020
#define PSTATUS_LINK     0x0004
#define ANE_LP_ANEG      0x0001
#define ANE_PAGE         0x0002
#define PSSTAT_LINK_UP   0xac00 /* 1000 Mb/s, full duplex, resolved, link */

#endif
