//! German number plates by their grammar (Fahrzeug-Zulassungsverordnung, annexes 1 and 4): a district of one to three letters,
//! one or two letters, a number of up to four digits, and E or H.
//!
//! Written with separators a plate is known by its form alone; without them most short ids look like one, so that the
//! district must exist, and words of timetables are none.

use std::collections::HashSet;
use std::sync::LazyLock;

/// The districts and authorities that plates are given out by.
const DISTRICTS: &str = "\
    A AA AB ABG ABI AC AE AH AIB AIC AK ALF ALZ AM AN ANA ANG ANK AP APD ARN ART AS ASL ASZ AT AU AUR AW AZ AZE AÖ B \
    BA BAD BAR BB BBG BBL BC BCH BD BE BED BER BF BGD BGL BH BI BID BIN BIR BIT BIW BK BKS BL BLB BLK BM BN BNA BO \
    BOG BOH BOR BOT BP BRA BRB BRG BRK BRL BRV BS BSB BSK BT BTF BUL BW BWL BYL BZ BÖ BÜD BÜR BÜS BÜZ C CA CAS CB CE \
    CHA CLP CLZ CO COC COE CR CUX CW D DA DAH DAN DAU DBR DD DE DEG DEL DGF DH DI DIL DIN DIZ DKB DL DLG DM DN DO \
    DON DU DUD DW DZ DÜW E EA EB EBE EBN EBS ECK ED EE EF EG EH EI EIC EIL EIN EIS EL EM EMD EMS EN ER ERB ERH ERK \
    ERZ ES ESB ESW EU EW F FB FD FDB FDS FEU FF FFB FG FI FKB FL FLÖ FN FO FOR FR FRG FRI FRW FS FT FTL FW FZ FÜ FÜS \
    G GA GAN GAP GC GD GDB GE GEL GEO GER GF GG GHA GHC GI GK GL GLA GM GMN GN GNT GOA GOH GP GR GRA GRH GRI GRM GRZ \
    GS GT GTH GUB GUN GV GVM GW GZ GÖ GÜ H HA HAB HAL HAM HAS HB HBN HBS HC HCH HD HDH HDL HE HEB HEF HEI HEL HER \
    HET HF HG HGN HGW HH HHM HI HIG HIP HK HL HM HMÜ HN HO HOG HOH HOL HOM HOR HOT HP HR HRO HS HSK HST HU HV HVL \
    HWI HX HY HZ HÖS IGB IK IL ILL IN IZ J JE JL JÜL K KA KB KC KE KEH KEL KEM KF KG KH KI KIB KK KL KLE KLZ KM KN \
    KO KR KRU KS KT KU KUS KW KY KYF KÖN KÖT KÖZ KÜN L LA LAN LAU LB LBS LBZ LC LD LDK LDS LEO LER LEV LF LG LH LI \
    LIB LIF LIP LL LM LN LOS LP LR LRO LSA LSN LSZ LU LUP LWL LÖ LÖB LÜN M MA MAB MAI MAK MAL MB MC MD ME MED MEG \
    MEI MEK MEL MER MET MG MGH MGN MH MHL MI MIL MK MKK ML MM MN MO MOD MOL MON MOS MQ MR MS MSE MSH MSP MST MTK MTL \
    MVL MW MY MYK MZ MZG MÜ MÜB MÜR N NAB NAI NAU NB ND NDH NE NEA NEB NEC NEN NES NEW NF NH NI NK NL NM NMB NMS NOH \
    NOL NOM NOR NP NR NRW NT NU NVP NW NWM NY NZ NÖ OA OAL OB OBB OBG OC OCH OD OE OF OG OH OHA OHV OHZ OK OL OP OPR \
    OS OSL OTW OVI OVL OVP OZ P PA PAF PAN PAR PB PCH PE PEG PF PI PIR PL PLÖ PM PN PR PRÜ PS PW PZ QFT QLB R RA RC \
    RD RDG RE REG REH REI RG RH RI RID RIE RL RM RN RO ROD ROF ROK ROL ROS ROT ROW RP RPL RS RSL RT RU RV RW RZ RÜD \
    RÜG S SAB SAD SAL SAN SAW SB SBG SBK SC SCZ SDH SDL SDT SE SEB SEE SEF SEL SFB SFT SG SGH SH SHA SHG SHK SHL SI \
    SIG SIM SK SL SLE SLF SLG SLK SLN SLS SLZ SLÜ SM SMÜ SN SO SOB SOG SOK SON SP SPB SPN SR SRB SRO ST STA STB STD \
    STE STL STO SU SUL SW SWA SY SZ SZB SÄK SÖM SÜW TBB TDO TE TET TF TG THL THW TIR TO TP TR TS TT TUT TÖL TÜ UE \
    UEM UER UFF UH UL UM UN USI V VAI VB VEC VER VG VIB VIE VIT VK VOH VR VS W WA WAF WAK WAN WAR WAT WB WBG WBS WDA \
    WE WEL WEN WER WES WF WG WHV WI WIL WIS WIT WIZ WK WL WLG WM WMS WN WND WO WOB WOH WOL WOR WOS WR WRN WS WSF WST \
    WSW WT WTL WTM WUG WUN WUR WW WZ WZL WÜ WÜM Z ZE ZEL ZI ZIG ZP ZR ZW ZZ ÖHR ÜB";

/// What timetables write before a number without a space: replacement buses, kinds of trains, places.
const WORDS: &[&str] = &[
    "ALT", "ALX", "AST", "BAHN", "BAY", "BHF", "BUS", "EAST", "EBUS", "ERB", "EXP", "FEX", "FLEX", "FLX", "GATE",
    "GLEIS", "HALL", "HALLE", "HALT", "HAUS", "HBF", "HLB", "HST", "ICE", "IRE", "KURS", "LAND", "LINE", "LINIE",
    "METRO", "MEX", "NACHT", "NBUS", "NIGHT", "NORD", "NORTH", "OST", "PARK", "PLAN", "POS", "REX", "RJX", "ROUTE",
    "RUF", "SBUS", "SEV", "SIM", "SOUTH", "STEIG", "STOP", "STR", "TAXI", "TER", "TGV", "TOR", "TOUR", "TRAM", "UBUS",
    "WEG", "WEST", "ZOB", "ZONE", "ZUG",
];

/// How a plate is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// `og-fb 101`, `OG.FB.101`, `OG FB101`.
    Apart,
    /// `OGFB101`: the district has so many letters at most.
    Joined(usize),
}

/// Whether a text is a German plate, and how it is written.
pub(super) fn german(text: &str) -> Option<Written> {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| DISTRICTS.split_ascii_whitespace().collect());
    let is_separator = |letter: char| " -_.·".contains(letter);
    let (letters, number) = text.split_at(text.find(|letter: char| letter.is_ascii_digit())?);
    let number = number.trim_end_matches(['E', 'H', 'e', 'h']).trim_end_matches(' ');
    let digits_and_mark = text.len() - letters.len() - number.len() <= 2;
    let is_number = (1..=4).contains(&number.len())
        && !number.starts_with('0')
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && digits_and_mark;
    if !is_number || letters.chars().count() > 7 {
        return None;
    }
    let upper = letters.to_uppercase();
    let letters = upper.trim_end_matches(is_separator);
    if upper.len() - letters.len() > 2 {
        return None;
    }
    let is_series =
        |series: &str| (1..=2).contains(&series.len()) && series.bytes().all(|byte| byte.is_ascii_uppercase());
    if let Some((district, series)) = letters.split_once(is_separator) {
        return (KNOWN.contains(district) && is_series(series)).then_some(Written::Apart);
    }
    let is_as_given = text.starts_with(letters) && upper.len() == letters.len();
    if !is_as_given || letters.chars().count() < 3 || number.len() < 2 || WORDS.contains(&letters) {
        return None;
    }
    let parts = letters.char_indices().skip(1).map(|(place, _)| letters.split_at(place));
    let districts = parts.filter(|(district, series)| KNOWN.contains(district) && is_series(series));
    districts.map(|(district, _)| district.chars().count()).max().map(Written::Joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_have_a_district_a_series_and_a_number() {
        assert!(DISTRICTS.split_ascii_whitespace().count() > 700);
        for (text, expected) in [
            ("OGAB123", Some(Written::Joined(2))),
            ("BMW1234", Some(Written::Joined(2))),
            ("GXY123", Some(Written::Joined(1))),
            ("OGAB123E", Some(Written::Joined(2))),
            ("FÜAB12", Some(Written::Joined(2))),
            ("BARAB12", Some(Written::Joined(3))),
            ("og-fb 101", Some(Written::Apart)),
            ("OG.FB.101", Some(Written::Apart)),
            ("OG FB101", Some(Written::Apart)),
            ("OG-FB-101 H", Some(Written::Apart)),
            ("XQ-FB 101", None),
            ("XQAB123", None),
            ("OGAB0123", None),
            ("OGAB12345", None),
            ("OGABC123", None),
            ("OG123", None),
            ("ogab123", None),
            ("BUS101", None),
            ("SEV123", None),
            ("RE4711", None),
            ("OGAB1", None),
            ("OGAB123EHE", None),
            ("123", None),
            ("Haus123", None),
            ("", None),
        ] {
            assert_eq!(german(text), expected, "{text}");
        }
    }
}
