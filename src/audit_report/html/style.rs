//! How the page looks: on paper first.

pub(super) const STYLE: &str = "\
@page{size:A4;margin:17mm 16mm 16mm;@bottom-right{content:counter(page) ' / ' counter(pages);font:8pt system-ui,sans-serif;color:#555}}\
body{max-width:52rem;font-size:15px;counter-reset:part;hyphens:auto}code,[translate=no],.v{hyphens:none}h1{margin:.2rem 0 0;font-size:1.9rem}\
h2{margin:2rem 0 .4rem;font-size:1.25rem;border-bottom:2px solid var(--accent);padding-bottom:.15rem;counter-increment:part}\
h2:before{content:counter(part) '  ';color:var(--accent)}h3{margin:1rem 0 .2rem;font-size:1rem}p{margin:.35rem 0}\
.of{color:var(--muted);margin:.1rem 0 .6rem}.f{font-size:.62em;vertical-align:super;text-decoration:none;margin-left:.12em;color:var(--accent);font-weight:400}\
.q{font-style:italic;color:var(--muted)}.v{font-variant-numeric:tabular-nums}\
.tiles{display:grid;grid-template-columns:repeat(12,minmax(0,1fr));gap:.5rem;margin:.7rem 0;padding:0}\
.tiles div{grid-column:span 3;background:var(--panel);border:1px solid var(--line);border-radius:.3rem;padding:.45rem .6rem}.tiles dt{font-size:.78rem;color:var(--muted);line-height:1.3}\
.tiles div:nth-child(4n+1):nth-last-child(3),.tiles div:nth-child(4n+1):nth-last-child(3)~div{grid-column:span 4}.tiles div:nth-child(4n+1):nth-last-child(2),.tiles div:nth-child(4n+1):nth-last-child(2)~div{grid-column:span 6}\
.tiles div:nth-child(4n+1):last-child{grid-column:1/-1}.tiles dd{margin:0;font-size:1.25rem;font-weight:600}.tiles div{display:flex;flex-direction:column-reverse;justify-content:flex-end}\
table{width:100%;font-size:.82rem;margin:.5rem 0}caption{text-align:left;font-weight:600;padding:.2rem 0;font-size:.86rem}\
th,td{border-bottom:1px solid var(--line);padding:.18rem .5rem .18rem 0;text-align:left;vertical-align:top}th{font-weight:600;color:var(--muted)}\
td.n,th.n{text-align:right;padding-right:.5rem}td.n,td.k{white-space:nowrap}td.w{overflow-wrap:anywhere;min-width:9em}th::first-letter{text-transform:uppercase}td:last-child,th:last-child{padding-right:0}.more{font-size:.8rem;color:var(--muted)}\
figure{margin:.4rem 0}.bars .s{fill:var(--accent)}.bars .t{fill:#8fb3d1}.legend{font-size:.8rem;color:var(--muted)}\
.legend i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 .9em;vertical-align:-.05em}.legend i.s{background:var(--accent)}.legend i.t{background:#8fb3d1}\
.curves{display:grid;grid-template-columns:repeat(2,1fr);gap:.2rem 1.2rem}.curves div:only-child{grid-column:1/-1}.curves div:only-child svg{font-size:8px}.curves h3{margin:.3rem 0 0;font-size:.86rem}.curves figcaption{font-size:.72rem;color:var(--muted)}\
.diff{font:.72rem/1.35 ui-monospace,monospace;border-left:3px solid var(--line);margin:.2rem 0 .6rem;padding-left:.6rem;overflow-wrap:anywhere;white-space:pre-wrap}\
.diff del{text-decoration:none;color:var(--bad);display:block}.diff ins{text-decoration:none;color:var(--good);display:block}\
.sql{font-size:.72rem}.sql h3{font-size:.78rem;margin:.5rem 0 .05rem}.sql pre{margin:0;font:.68rem/1.3 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
.digests td{font-size:.72rem}ul,ol{margin:.3rem 0;padding-left:1.2rem}li{margin:.12rem 0}.lead{background:var(--panel);border-left:3px solid var(--accent);padding:.4rem .7rem}\
.columns td:first-child{width:34%}.cards li{break-inside:avoid}.small{font-size:.8rem}\
@media screen and (max-width:40rem){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.tiles div{grid-column:auto!important}.tiles div:last-child:nth-child(odd){grid-column:1/-1!important}.tiles dd{font-size:1.1rem}.curves{grid-template-columns:minmax(0,1fr)}.curves div:only-child svg{font-size:12px}.bars text{font-size:15px}.bars .bar{display:none}.stack td:first-child{font-weight:600}}@media(max-width:30rem){.bars text{font-size:21px}}\
@media screen and (prefers-color-scheme:dark){.bars .t{fill:#3d6a90}.legend i.t{background:#3d6a90}}\
@media print{:root{--accent:#0b4f86;--line:#bbb;--panel:#f2f4f6;--muted:#444}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\
body{max-width:none;margin:0;padding:0;font-size:9.3pt;line-height:1.4}main{padding:0}h1{font-size:19pt}h2{font-size:12.5pt;margin:5.5mm 0 1.5mm}h3{font-size:9.5pt}\
h2,h3,caption,thead,h2+p.small,h2+p{break-after:avoid}figure,.tiles,.lead{break-inside:avoid}table{font-size:8pt;margin:1.5mm 0}caption{font-size:8.6pt}th,td{padding:.5mm 2mm .5mm 0}\
.tiles{gap:2mm}.tiles div{padding:1.6mm 2.2mm}.tiles dt{font-size:7.4pt}.tiles dd{font-size:12.5pt}.legend,.more,.small{font-size:7.8pt}a{color:inherit}.f{color:#0b4f86}\
.sql{columns:2;column-gap:6mm;font-size:6.6pt}.sql section{break-inside:avoid-column}.sql h3{font-size:6.8pt;margin:1.6mm 0 .2mm}.sql pre{font-size:5.4pt;line-height:1.2}\
.digests td{font-size:6.8pt;padding:.3mm 2mm .3mm 0}.digests code{font-size:6.6pt}.diff{font-size:7pt}}";
