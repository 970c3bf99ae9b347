-- Functions with many constants, long jumps, big integer and string constants,
-- and constants equal to each other in unlike ways.
local function strings(i)
  local t = {
    "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
    "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23",
    "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31", "s32", "s33", "s34", "s35",
    "s36", "s37", "s38", "s39", "s40", "s41", "s42", "s43", "s44", "s45", "s46", "s47",
    "s48", "s49", "s50", "s51", "s52", "s53", "s54", "s55", "s56", "s57", "s58", "s59",
    "s60", "s61", "s62", "s63", "s64", "s65", "s66", "s67", "s68", "s69", "s70", "s71",
    "s72", "s73", "s74", "s75", "s76", "s77", "s78", "s79", "s80", "s81", "s82", "s83",
    "s84", "s85", "s86", "s87", "s88", "s89", "s90", "s91", "s92", "s93", "s94", "s95",
    "s96", "s97", "s98", "s99", "s100", "s101", "s102", "s103", "s104", "s105", "s106", "s107",
    "s108", "s109", "s110", "s111", "s112", "s113", "s114", "s115", "s116", "s117", "s118", "s119",
    "s120", "s121", "s122", "s123", "s124", "s125", "s126", "s127", "s128", "s129", "s130", "s131",
    "s132", "s133", "s134", "s135", "s136", "s137", "s138", "s139", "s140", "s141", "s142", "s143",
    "s144", "s145", "s146", "s147", "s148", "s149", "s150", "s151", "s152", "s153", "s154", "s155",
    "s156", "s157", "s158", "s159", "s160", "s161", "s162", "s163", "s164", "s165", "s166", "s167",
    "s168", "s169", "s170", "s171", "s172", "s173", "s174", "s175", "s176", "s177", "s178", "s179",
    "s180", "s181", "s182", "s183", "s184", "s185", "s186", "s187", "s188", "s189", "s190", "s191",
    "s192", "s193", "s194", "s195", "s196", "s197", "s198", "s199", "s200", "s201", "s202", "s203",
    "s204", "s205", "s206", "s207", "s208", "s209", "s210", "s211", "s212", "s213", "s214", "s215",
    "s216", "s217", "s218", "s219", "s220", "s221", "s222", "s223", "s224", "s225", "s226", "s227",
    "s228", "s229", "s230", "s231", "s232", "s233", "s234", "s235", "s236", "s237", "s238", "s239",
    "s240", "s241", "s242", "s243", "s244", "s245", "s246", "s247", "s248", "s249", "s250", "s251",
    "s252", "s253", "s254", "s255", "s256", "s257", "s258", "s259", "s260", "s261", "s262", "s263",
    "s264", "s265", "s266", "s267", "s268", "s269", "s270", "s271", "s272", "s273", "s274", "s275",
    "s276", "s277", "s278", "s279", "s280", "s281", "s282", "s283", "s284", "s285", "s286", "s287",
    "s288", "s289", "s290", "s291", "s292", "s293", "s294", "s295", "s296", "s297", "s298", "s299",
    "s300", "s301", "s302", "s303", "s304", "s305", "s306", "s307", "s308", "s309", "s310", "s311",
    "s312", "s313", "s314", "s315", "s316", "s317", "s318", "s319", "s320", "s321", "s322", "s323",
    "s324", "s325", "s326", "s327", "s328", "s329", "s330", "s331", "s332", "s333", "s334", "s335",
    "s336", "s337", "s338", "s339", "s340", "s341", "s342", "s343", "s344", "s345", "s346", "s347",
    "s348", "s349", "s350", "s351", "s352", "s353", "s354", "s355", "s356", "s357", "s358", "s359",
    "s360", "s361", "s362", "s363", "s364", "s365", "s366", "s367", "s368", "s369", "s370", "s371",
    "s372", "s373", "s374", "s375", "s376", "s377", "s378", "s379", "s380", "s381", "s382", "s383",
    "s384", "s385", "s386", "s387", "s388", "s389", "s390", "s391", "s392", "s393", "s394", "s395",
    "s396", "s397", "s398", "s399", "s400", "s401", "s402", "s403", "s404", "s405", "s406", "s407",
    "s408", "s409", "s410", "s411", "s412", "s413", "s414", "s415", "s416", "s417", "s418", "s419",
    "s420", "s421", "s422", "s423", "s424", "s425", "s426", "s427", "s428", "s429", "s430", "s431",
    "s432", "s433", "s434", "s435", "s436", "s437", "s438", "s439", "s440", "s441", "s442", "s443",
    "s444", "s445", "s446", "s447", "s448", "s449", "s450", "s451", "s452", "s453", "s454", "s455",
    "s456", "s457", "s458", "s459", "s460", "s461", "s462", "s463", "s464", "s465", "s466", "s467",
    "s468", "s469", "s470", "s471", "s472", "s473", "s474", "s475", "s476", "s477", "s478", "s479",
    "s480", "s481", "s482", "s483", "s484", "s485", "s486", "s487", "s488", "s489", "s490", "s491",
    "s492", "s493", "s494", "s495", "s496", "s497", "s498", "s499", "s500", "s501", "s502", "s503",
    "s504", "s505", "s506", "s507", "s508", "s509", "s510", "s511", "s512", "s513", "s514", "s515",
    "s516", "s517", "s518", "s519", "s520", "s521", "s522", "s523", "s524", "s525", "s526", "s527",
    "s528", "s529", "s530", "s531", "s532", "s533", "s534", "s535", "s536", "s537", "s538", "s539",
    "s540", "s541", "s542", "s543", "s544", "s545", "s546", "s547", "s548", "s549", "s550", "s551",
    "s552", "s553", "s554", "s555", "s556", "s557", "s558", "s559", "s560", "s561", "s562", "s563",
    "s564", "s565", "s566", "s567", "s568", "s569", "s570", "s571", "s572", "s573", "s574", "s575",
    "s576", "s577", "s578", "s579", "s580", "s581", "s582", "s583", "s584", "s585", "s586", "s587",
    "s588", "s589", "s590", "s591", "s592", "s593", "s594", "s595", "s596", "s597", "s598", "s599",
  }
  return #t, t[i], t[i + 1]
end
print(strings(1)) print(strings(300)) print(strings(599))
local function numbers(i)
  local t = {
    0, 2.5, 2000006, 6.0, 4000012, 9.5, 6000018, 13.0, 8000024, 16.5, 10000030, 20.0,
    12000036, 23.5, 14000042, 27.0, 16000048, 30.5, 18000054, 34.0, 20000060, 37.5, 22000066, 41.0,
    24000072, 44.5, 26000078, 48.0, 28000084, 51.5, 30000090, 55.0, 32000096, 58.5, 34000102, 62.0,
    36000108, 65.5, 38000114, 69.0, 40000120, 72.5, 42000126, 76.0, 44000132, 79.5, 46000138, 83.0,
    48000144, 86.5, 50000150, 90.0, 52000156, 93.5, 54000162, 97.0, 56000168, 100.5, 58000174, 104.0,
    60000180, 107.5, 62000186, 111.0, 64000192, 114.5, 66000198, 118.0, 68000204, 121.5, 70000210, 125.0,
    72000216, 128.5, 74000222, 132.0, 76000228, 135.5, 78000234, 139.0, 80000240, 142.5, 82000246, 146.0,
    84000252, 149.5, 86000258, 153.0, 88000264, 156.5, 90000270, 160.0, 92000276, 163.5, 94000282, 167.0,
    96000288, 170.5, 98000294, 174.0, 100000300, 177.5, 102000306, 181.0, 104000312, 184.5, 106000318, 188.0,
    108000324, 191.5, 110000330, 195.0, 112000336, 198.5, 114000342, 202.0, 116000348, 205.5, 118000354, 209.0,
    120000360, 212.5, 122000366, 216.0, 124000372, 219.5, 126000378, 223.0, 128000384, 226.5, 130000390, 230.0,
    132000396, 233.5, 134000402, 237.0, 136000408, 240.5, 138000414, 244.0, 140000420, 247.5, 142000426, 251.0,
    144000432, 254.5, 146000438, 258.0, 148000444, 261.5, 150000450, 265.0, 152000456, 268.5, 154000462, 272.0,
    156000468, 275.5, 158000474, 279.0, 160000480, 282.5, 162000486, 286.0, 164000492, 289.5, 166000498, 293.0,
    168000504, 296.5, 170000510, 300.0, 172000516, 303.5, 174000522, 307.0, 176000528, 310.5, 178000534, 314.0,
    180000540, 317.5, 182000546, 321.0, 184000552, 324.5, 186000558, 328.0, 188000564, 331.5, 190000570, 335.0,
    192000576, 338.5, 194000582, 342.0, 196000588, 345.5, 198000594, 349.0, 200000600, 352.5, 202000606, 356.0,
    204000612, 359.5, 206000618, 363.0, 208000624, 366.5, 210000630, 370.0, 212000636, 373.5, 214000642, 377.0,
    216000648, 380.5, 218000654, 384.0, 220000660, 387.5, 222000666, 391.0, 224000672, 394.5, 226000678, 398.0,
    228000684, 401.5, 230000690, 405.0, 232000696, 408.5, 234000702, 412.0, 236000708, 415.5, 238000714, 419.0,
    240000720, 422.5, 242000726, 426.0, 244000732, 429.5, 246000738, 433.0, 248000744, 436.5, 250000750, 440.0,
    252000756, 443.5, 254000762, 447.0, 256000768, 450.5, 258000774, 454.0, 260000780, 457.5, 262000786, 461.0,
    264000792, 464.5, 266000798, 468.0, 268000804, 471.5, 270000810, 475.0, 272000816, 478.5, 274000822, 482.0,
    276000828, 485.5, 278000834, 489.0, 280000840, 492.5, 282000846, 496.0, 284000852, 499.5, 286000858, 503.0,
    288000864, 506.5, 290000870, 510.0, 292000876, 513.5, 294000882, 517.0, 296000888, 520.5, 298000894, 524.0,
    300000900, 527.5, 302000906, 531.0, 304000912, 534.5, 306000918, 538.0, 308000924, 541.5, 310000930, 545.0,
    312000936, 548.5, 314000942, 552.0, 316000948, 555.5, 318000954, 559.0, 320000960, 562.5, 322000966, 566.0,
    324000972, 569.5, 326000978, 573.0, 328000984, 576.5, 330000990, 580.0, 332000996, 583.5, 334001002, 587.0,
    336001008, 590.5, 338001014, 594.0, 340001020, 597.5, 342001026, 601.0, 344001032, 604.5, 346001038, 608.0,
    348001044, 611.5, 350001050, 615.0, 352001056, 618.5, 354001062, 622.0, 356001068, 625.5, 358001074, 629.0,
    360001080, 632.5, 362001086, 636.0, 364001092, 639.5, 366001098, 643.0, 368001104, 646.5, 370001110, 650.0,
    372001116, 653.5, 374001122, 657.0, 376001128, 660.5, 378001134, 664.0, 380001140, 667.5, 382001146, 671.0,
    384001152, 674.5, 386001158, 678.0, 388001164, 681.5, 390001170, 685.0, 392001176, 688.5, 394001182, 692.0,
    396001188, 695.5, 398001194, 699.0, 400001200, 702.5, 402001206, 706.0, 404001212, 709.5, 406001218, 713.0,
    408001224, 716.5, 410001230, 720.0, 412001236, 723.5, 414001242, 727.0, 416001248, 730.5, 418001254, 734.0,
    420001260, 737.5, 422001266, 741.0, 424001272, 744.5, 426001278, 748.0, 428001284, 751.5, 430001290, 755.0,
    432001296, 758.5, 434001302, 762.0, 436001308, 765.5, 438001314, 769.0, 440001320, 772.5, 442001326, 776.0,
    444001332, 779.5, 446001338, 783.0, 448001344, 786.5, 450001350, 790.0, 452001356, 793.5, 454001362, 797.0,
    456001368, 800.5, 458001374, 804.0, 460001380, 807.5, 462001386, 811.0, 464001392, 814.5, 466001398, 818.0,
    468001404, 821.5, 470001410, 825.0, 472001416, 828.5, 474001422, 832.0, 476001428, 835.5, 478001434, 839.0,
    480001440, 842.5, 482001446, 846.0, 484001452, 849.5, 486001458, 853.0, 488001464, 856.5, 490001470, 860.0,
    492001476, 863.5, 494001482, 867.0, 496001488, 870.5, 498001494, 874.0, 500001500, 877.5, 502001506, 881.0,
    504001512, 884.5, 506001518, 888.0, 508001524, 891.5, 510001530, 895.0, 512001536, 898.5, 514001542, 902.0,
    516001548, 905.5, 518001554, 909.0, 520001560, 912.5, 522001566, 916.0, 524001572, 919.5, 526001578, 923.0,
    528001584, 926.5, 530001590, 930.0, 532001596, 933.5, 534001602, 937.0, 536001608, 940.5, 538001614, 944.0,
    540001620, 947.5, 542001626, 951.0, 544001632, 954.5, 546001638, 958.0, 548001644, 961.5, 550001650, 965.0,
    552001656, 968.5, 554001662, 972.0, 556001668, 975.5, 558001674, 979.0, 560001680, 982.5, 562001686, 986.0,
    564001692, 989.5, 566001698, 993.0, 568001704, 996.5, 570001710, 1000.0, 572001716, 1003.5, 574001722, 1007.0,
    576001728, 1010.5, 578001734, 1014.0, 580001740, 1017.5, 582001746, 1021.0, 584001752, 1024.5, 586001758, 1028.0,
    588001764, 1031.5, 590001770, 1035.0, 592001776, 1038.5, 594001782, 1042.0, 596001788, 1045.5, 598001794, 1049.0,
  }
  local sum = 0
  for k = 1, #t do sum = sum + t[k] end
  return #t, t[i], sum
end
print(numbers(1)) print(numbers(256)) print(numbers(600))
-- Fields whose names come late in the constant table.
local function fields(o)
  o.f0 = 0.5 o.f1 = 1.5 o.f2 = 2.5 o.f3 = 3.5 o.f4 = 4.5 o.f5 = 5.5
  o.f6 = 6.5 o.f7 = 7.5 o.f8 = 8.5 o.f9 = 9.5 o.f10 = 10.5 o.f11 = 11.5
  o.f12 = 12.5 o.f13 = 13.5 o.f14 = 14.5 o.f15 = 15.5 o.f16 = 16.5 o.f17 = 17.5
  o.f18 = 18.5 o.f19 = 19.5 o.f20 = 20.5 o.f21 = 21.5 o.f22 = 22.5 o.f23 = 23.5
  o.f24 = 24.5 o.f25 = 25.5 o.f26 = 26.5 o.f27 = 27.5 o.f28 = 28.5 o.f29 = 29.5
  o.f30 = 30.5 o.f31 = 31.5 o.f32 = 32.5 o.f33 = 33.5 o.f34 = 34.5 o.f35 = 35.5
  o.f36 = 36.5 o.f37 = 37.5 o.f38 = 38.5 o.f39 = 39.5 o.f40 = 40.5 o.f41 = 41.5
  o.f42 = 42.5 o.f43 = 43.5 o.f44 = 44.5 o.f45 = 45.5 o.f46 = 46.5 o.f47 = 47.5
  o.f48 = 48.5 o.f49 = 49.5 o.f50 = 50.5 o.f51 = 51.5 o.f52 = 52.5 o.f53 = 53.5
  o.f54 = 54.5 o.f55 = 55.5 o.f56 = 56.5 o.f57 = 57.5 o.f58 = 58.5 o.f59 = 59.5
  o.f60 = 60.5 o.f61 = 61.5 o.f62 = 62.5 o.f63 = 63.5 o.f64 = 64.5 o.f65 = 65.5
  o.f66 = 66.5 o.f67 = 67.5 o.f68 = 68.5 o.f69 = 69.5 o.f70 = 70.5 o.f71 = 71.5
  o.f72 = 72.5 o.f73 = 73.5 o.f74 = 74.5 o.f75 = 75.5 o.f76 = 76.5 o.f77 = 77.5
  o.f78 = 78.5 o.f79 = 79.5 o.f80 = 80.5 o.f81 = 81.5 o.f82 = 82.5 o.f83 = 83.5
  o.f84 = 84.5 o.f85 = 85.5 o.f86 = 86.5 o.f87 = 87.5 o.f88 = 88.5 o.f89 = 89.5
  o.f90 = 90.5 o.f91 = 91.5 o.f92 = 92.5 o.f93 = 93.5 o.f94 = 94.5 o.f95 = 95.5
  o.f96 = 96.5 o.f97 = 97.5 o.f98 = 98.5 o.f99 = 99.5 o.f100 = 100.5 o.f101 = 101.5
  o.f102 = 102.5 o.f103 = 103.5 o.f104 = 104.5 o.f105 = 105.5 o.f106 = 106.5 o.f107 = 107.5
  o.f108 = 108.5 o.f109 = 109.5 o.f110 = 110.5 o.f111 = 111.5 o.f112 = 112.5 o.f113 = 113.5
  o.f114 = 114.5 o.f115 = 115.5 o.f116 = 116.5 o.f117 = 117.5 o.f118 = 118.5 o.f119 = 119.5
  o.f120 = 120.5 o.f121 = 121.5 o.f122 = 122.5 o.f123 = 123.5 o.f124 = 124.5 o.f125 = 125.5
  o.f126 = 126.5 o.f127 = 127.5 o.f128 = 128.5 o.f129 = 129.5 o.f130 = 130.5 o.f131 = 131.5
  o.f132 = 132.5 o.f133 = 133.5 o.f134 = 134.5 o.f135 = 135.5 o.f136 = 136.5 o.f137 = 137.5
  o.f138 = 138.5 o.f139 = 139.5 o.f140 = 140.5 o.f141 = 141.5 o.f142 = 142.5 o.f143 = 143.5
  o.f144 = 144.5 o.f145 = 145.5 o.f146 = 146.5 o.f147 = 147.5 o.f148 = 148.5 o.f149 = 149.5
  o.f150 = 150.5 o.f151 = 151.5 o.f152 = 152.5 o.f153 = 153.5 o.f154 = 154.5 o.f155 = 155.5
  o.f156 = 156.5 o.f157 = 157.5 o.f158 = 158.5 o.f159 = 159.5 o.f160 = 160.5 o.f161 = 161.5
  o.f162 = 162.5 o.f163 = 163.5 o.f164 = 164.5 o.f165 = 165.5 o.f166 = 166.5 o.f167 = 167.5
  o.f168 = 168.5 o.f169 = 169.5 o.f170 = 170.5 o.f171 = 171.5 o.f172 = 172.5 o.f173 = 173.5
  o.f174 = 174.5 o.f175 = 175.5 o.f176 = 176.5 o.f177 = 177.5 o.f178 = 178.5 o.f179 = 179.5
  o.f180 = 180.5 o.f181 = 181.5 o.f182 = 182.5 o.f183 = 183.5 o.f184 = 184.5 o.f185 = 185.5
  o.f186 = 186.5 o.f187 = 187.5 o.f188 = 188.5 o.f189 = 189.5 o.f190 = 190.5 o.f191 = 191.5
  o.f192 = 192.5 o.f193 = 193.5 o.f194 = 194.5 o.f195 = 195.5 o.f196 = 196.5 o.f197 = 197.5
  o.f198 = 198.5 o.f199 = 199.5 o.f200 = 200.5 o.f201 = 201.5 o.f202 = 202.5 o.f203 = 203.5
  o.f204 = 204.5 o.f205 = 205.5 o.f206 = 206.5 o.f207 = 207.5 o.f208 = 208.5 o.f209 = 209.5
  o.f210 = 210.5 o.f211 = 211.5 o.f212 = 212.5 o.f213 = 213.5 o.f214 = 214.5 o.f215 = 215.5
  o.f216 = 216.5 o.f217 = 217.5 o.f218 = 218.5 o.f219 = 219.5 o.f220 = 220.5 o.f221 = 221.5
  o.f222 = 222.5 o.f223 = 223.5 o.f224 = 224.5 o.f225 = 225.5 o.f226 = 226.5 o.f227 = 227.5
  o.f228 = 228.5 o.f229 = 229.5 o.f230 = 230.5 o.f231 = 231.5 o.f232 = 232.5 o.f233 = 233.5
  o.f234 = 234.5 o.f235 = 235.5 o.f236 = 236.5 o.f237 = 237.5 o.f238 = 238.5 o.f239 = 239.5
  o.f240 = 240.5 o.f241 = 241.5 o.f242 = 242.5 o.f243 = 243.5 o.f244 = 244.5 o.f245 = 245.5
  o.f246 = 246.5 o.f247 = 247.5 o.f248 = 248.5 o.f249 = 249.5 o.f250 = 250.5 o.f251 = 251.5
  o.f252 = 252.5 o.f253 = 253.5 o.f254 = 254.5 o.f255 = 255.5 o.f256 = 256.5 o.f257 = 257.5
  o.f258 = 258.5 o.f259 = 259.5 o.f260 = 260.5 o.f261 = 261.5 o.f262 = 262.5 o.f263 = 263.5
  o.f264 = 264.5 o.f265 = 265.5 o.f266 = 266.5 o.f267 = 267.5 o.f268 = 268.5 o.f269 = 269.5
  o.f270 = 270.5 o.f271 = 271.5 o.f272 = 272.5 o.f273 = 273.5 o.f274 = 274.5 o.f275 = 275.5
  o.f276 = 276.5 o.f277 = 277.5 o.f278 = 278.5 o.f279 = 279.5 o.f280 = 280.5 o.f281 = 281.5
  o.f282 = 282.5 o.f283 = 283.5 o.f284 = 284.5 o.f285 = 285.5 o.f286 = 286.5 o.f287 = 287.5
  o.f288 = 288.5 o.f289 = 289.5 o.f290 = 290.5 o.f291 = 291.5 o.f292 = 292.5 o.f293 = 293.5
  o.f294 = 294.5 o.f295 = 295.5 o.f296 = 296.5 o.f297 = 297.5 o.f298 = 298.5 o.f299 = 299.5
  return o.f0 + o.f299, o.f255 + o.f256, o.f257 - o.f254, o.f298 * 2, o.f299 < 300, o.f270 == 270.5, 12345.25 < o.f1
end
print(fields({}))
local object = {}
fields(object)
function object:f1000(v) return self == object, v end
local function late(o)
  local _ = "k0" .. "k1" .. "k2" .. "k3" .. "k4" .. "k5" .. "k6" .. "k7"
  local _ = "k8" .. "k9" .. "k10" .. "k11" .. "k12" .. "k13" .. "k14" .. "k15"
  local _ = "k16" .. "k17" .. "k18" .. "k19" .. "k20" .. "k21" .. "k22" .. "k23"
  local _ = "k24" .. "k25" .. "k26" .. "k27" .. "k28" .. "k29" .. "k30" .. "k31"
  local _ = "k32" .. "k33" .. "k34" .. "k35" .. "k36" .. "k37" .. "k38" .. "k39"
  local _ = "k40" .. "k41" .. "k42" .. "k43" .. "k44" .. "k45" .. "k46" .. "k47"
  local _ = "k48" .. "k49" .. "k50" .. "k51" .. "k52" .. "k53" .. "k54" .. "k55"
  local _ = "k56" .. "k57" .. "k58" .. "k59" .. "k60" .. "k61" .. "k62" .. "k63"
  local _ = "k64" .. "k65" .. "k66" .. "k67" .. "k68" .. "k69" .. "k70" .. "k71"
  local _ = "k72" .. "k73" .. "k74" .. "k75" .. "k76" .. "k77" .. "k78" .. "k79"
  local _ = "k80" .. "k81" .. "k82" .. "k83" .. "k84" .. "k85" .. "k86" .. "k87"
  local _ = "k88" .. "k89" .. "k90" .. "k91" .. "k92" .. "k93" .. "k94" .. "k95"
  local _ = "k96" .. "k97" .. "k98" .. "k99" .. "k100" .. "k101" .. "k102" .. "k103"
  local _ = "k104" .. "k105" .. "k106" .. "k107" .. "k108" .. "k109" .. "k110" .. "k111"
  local _ = "k112" .. "k113" .. "k114" .. "k115" .. "k116" .. "k117" .. "k118" .. "k119"
  local _ = "k120" .. "k121" .. "k122" .. "k123" .. "k124" .. "k125" .. "k126" .. "k127"
  local _ = "k128" .. "k129" .. "k130" .. "k131" .. "k132" .. "k133" .. "k134" .. "k135"
  local _ = "k136" .. "k137" .. "k138" .. "k139" .. "k140" .. "k141" .. "k142" .. "k143"
  local _ = "k144" .. "k145" .. "k146" .. "k147" .. "k148" .. "k149" .. "k150" .. "k151"
  local _ = "k152" .. "k153" .. "k154" .. "k155" .. "k156" .. "k157" .. "k158" .. "k159"
  local _ = "k160" .. "k161" .. "k162" .. "k163" .. "k164" .. "k165" .. "k166" .. "k167"
  local _ = "k168" .. "k169" .. "k170" .. "k171" .. "k172" .. "k173" .. "k174" .. "k175"
  local _ = "k176" .. "k177" .. "k178" .. "k179" .. "k180" .. "k181" .. "k182" .. "k183"
  local _ = "k184" .. "k185" .. "k186" .. "k187" .. "k188" .. "k189" .. "k190" .. "k191"
  local _ = "k192" .. "k193" .. "k194" .. "k195" .. "k196" .. "k197" .. "k198" .. "k199"
  local _ = "k200" .. "k201" .. "k202" .. "k203" .. "k204" .. "k205" .. "k206" .. "k207"
  local _ = "k208" .. "k209" .. "k210" .. "k211" .. "k212" .. "k213" .. "k214" .. "k215"
  local _ = "k216" .. "k217" .. "k218" .. "k219" .. "k220" .. "k221" .. "k222" .. "k223"
  local _ = "k224" .. "k225" .. "k226" .. "k227" .. "k228" .. "k229" .. "k230" .. "k231"
  local _ = "k232" .. "k233" .. "k234" .. "k235" .. "k236" .. "k237" .. "k238" .. "k239"
  local _ = "k240" .. "k241" .. "k242" .. "k243" .. "k244" .. "k245" .. "k246" .. "k247"
  local _ = "k248" .. "k249" .. "k250" .. "k251" .. "k252" .. "k253" .. "k254" .. "k255"
  local _ = "k256" .. "k257" .. "k258" .. "k259" .. "k260" .. "k261" .. "k262" .. "k263"
  local _ = "k264" .. "k265" .. "k266" .. "k267" .. "k268" .. "k269" .. "k270" .. "k271"
  local _ = "k272" .. "k273" .. "k274" .. "k275" .. "k276" .. "k277" .. "k278" .. "k279"
  o.late_field = "late value"
  late_global = o.late_field .. "!"
  return o:f1000("late argument"), late_global, o["late_field"], o.late_field == "late value", "late constant" .. 1
end
print(late(object))
print(late_global)
-- A long chain of conditions: jumps over much code.
local function chain(v)
  if v == 0 then return "is 0"
  elseif v == 3 then return "is 3"
  elseif v == 6 then return "is 6"
  elseif v == 9 then return "is 9"
  elseif v == 12 then return "is 12"
  elseif v == 15 then return "is 15"
  elseif v == 18 then return "is 18"
  elseif v == 21 then return "is 21"
  elseif v == 24 then return "is 24"
  elseif v == 27 then return "is 27"
  elseif v == 30 then return "is 30"
  elseif v == 33 then return "is 33"
  elseif v == 36 then return "is 36"
  elseif v == 39 then return "is 39"
  elseif v == 42 then return "is 42"
  elseif v == 45 then return "is 45"
  elseif v == 48 then return "is 48"
  elseif v == 51 then return "is 51"
  elseif v == 54 then return "is 54"
  elseif v == 57 then return "is 57"
  elseif v == 60 then return "is 60"
  elseif v == 63 then return "is 63"
  elseif v == 66 then return "is 66"
  elseif v == 69 then return "is 69"
  elseif v == 72 then return "is 72"
  elseif v == 75 then return "is 75"
  elseif v == 78 then return "is 78"
  elseif v == 81 then return "is 81"
  elseif v == 84 then return "is 84"
  elseif v == 87 then return "is 87"
  elseif v == 90 then return "is 90"
  elseif v == 93 then return "is 93"
  elseif v == 96 then return "is 96"
  elseif v == 99 then return "is 99"
  elseif v == 102 then return "is 102"
  elseif v == 105 then return "is 105"
  elseif v == 108 then return "is 108"
  elseif v == 111 then return "is 111"
  elseif v == 114 then return "is 114"
  elseif v == 117 then return "is 117"
  elseif v == 120 then return "is 120"
  elseif v == 123 then return "is 123"
  elseif v == 126 then return "is 126"
  elseif v == 129 then return "is 129"
  elseif v == 132 then return "is 132"
  elseif v == 135 then return "is 135"
  elseif v == 138 then return "is 138"
  elseif v == 141 then return "is 141"
  elseif v == 144 then return "is 144"
  elseif v == 147 then return "is 147"
  elseif v == 150 then return "is 150"
  elseif v == 153 then return "is 153"
  elseif v == 156 then return "is 156"
  elseif v == 159 then return "is 159"
  elseif v == 162 then return "is 162"
  elseif v == 165 then return "is 165"
  elseif v == 168 then return "is 168"
  elseif v == 171 then return "is 171"
  elseif v == 174 then return "is 174"
  elseif v == 177 then return "is 177"
  elseif v == 180 then return "is 180"
  elseif v == 183 then return "is 183"
  elseif v == 186 then return "is 186"
  elseif v == 189 then return "is 189"
  elseif v == 192 then return "is 192"
  elseif v == 195 then return "is 195"
  elseif v == 198 then return "is 198"
  elseif v == 201 then return "is 201"
  elseif v == 204 then return "is 204"
  elseif v == 207 then return "is 207"
  elseif v == 210 then return "is 210"
  elseif v == 213 then return "is 213"
  elseif v == 216 then return "is 216"
  elseif v == 219 then return "is 219"
  elseif v == 222 then return "is 222"
  elseif v == 225 then return "is 225"
  elseif v == 228 then return "is 228"
  elseif v == 231 then return "is 231"
  elseif v == 234 then return "is 234"
  elseif v == 237 then return "is 237"
  elseif v == 240 then return "is 240"
  elseif v == 243 then return "is 243"
  elseif v == 246 then return "is 246"
  elseif v == 249 then return "is 249"
  elseif v == 252 then return "is 252"
  elseif v == 255 then return "is 255"
  elseif v == 258 then return "is 258"
  elseif v == 261 then return "is 261"
  elseif v == 264 then return "is 264"
  elseif v == 267 then return "is 267"
  elseif v == 270 then return "is 270"
  elseif v == 273 then return "is 273"
  elseif v == 276 then return "is 276"
  elseif v == 279 then return "is 279"
  elseif v == 282 then return "is 282"
  elseif v == 285 then return "is 285"
  elseif v == 288 then return "is 288"
  elseif v == 291 then return "is 291"
  elseif v == 294 then return "is 294"
  elseif v == 297 then return "is 297"
  elseif v == 300 then return "is 300"
  elseif v == 303 then return "is 303"
  elseif v == 306 then return "is 306"
  elseif v == 309 then return "is 309"
  elseif v == 312 then return "is 312"
  elseif v == 315 then return "is 315"
  elseif v == 318 then return "is 318"
  elseif v == 321 then return "is 321"
  elseif v == 324 then return "is 324"
  elseif v == 327 then return "is 327"
  elseif v == 330 then return "is 330"
  elseif v == 333 then return "is 333"
  elseif v == 336 then return "is 336"
  elseif v == 339 then return "is 339"
  elseif v == 342 then return "is 342"
  elseif v == 345 then return "is 345"
  elseif v == 348 then return "is 348"
  elseif v == 351 then return "is 351"
  elseif v == 354 then return "is 354"
  elseif v == 357 then return "is 357"
  elseif v == 360 then return "is 360"
  elseif v == 363 then return "is 363"
  elseif v == 366 then return "is 366"
  elseif v == 369 then return "is 369"
  elseif v == 372 then return "is 372"
  elseif v == 375 then return "is 375"
  elseif v == 378 then return "is 378"
  elseif v == 381 then return "is 381"
  elseif v == 384 then return "is 384"
  elseif v == 387 then return "is 387"
  elseif v == 390 then return "is 390"
  elseif v == 393 then return "is 393"
  elseif v == 396 then return "is 396"
  elseif v == 399 then return "is 399"
  elseif v == 402 then return "is 402"
  elseif v == 405 then return "is 405"
  elseif v == 408 then return "is 408"
  elseif v == 411 then return "is 411"
  elseif v == 414 then return "is 414"
  elseif v == 417 then return "is 417"
  elseif v == 420 then return "is 420"
  elseif v == 423 then return "is 423"
  elseif v == 426 then return "is 426"
  elseif v == 429 then return "is 429"
  elseif v == 432 then return "is 432"
  elseif v == 435 then return "is 435"
  elseif v == 438 then return "is 438"
  elseif v == 441 then return "is 441"
  elseif v == 444 then return "is 444"
  elseif v == 447 then return "is 447"
  elseif v == 450 then return "is 450"
  elseif v == 453 then return "is 453"
  elseif v == 456 then return "is 456"
  elseif v == 459 then return "is 459"
  elseif v == 462 then return "is 462"
  elseif v == 465 then return "is 465"
  elseif v == 468 then return "is 468"
  elseif v == 471 then return "is 471"
  elseif v == 474 then return "is 474"
  elseif v == 477 then return "is 477"
  elseif v == 480 then return "is 480"
  elseif v == 483 then return "is 483"
  elseif v == 486 then return "is 486"
  elseif v == 489 then return "is 489"
  elseif v == 492 then return "is 492"
  elseif v == 495 then return "is 495"
  elseif v == 498 then return "is 498"
  elseif v == 501 then return "is 501"
  elseif v == 504 then return "is 504"
  elseif v == 507 then return "is 507"
  elseif v == 510 then return "is 510"
  elseif v == 513 then return "is 513"
  elseif v == 516 then return "is 516"
  elseif v == 519 then return "is 519"
  elseif v == 522 then return "is 522"
  elseif v == 525 then return "is 525"
  elseif v == 528 then return "is 528"
  elseif v == 531 then return "is 531"
  elseif v == 534 then return "is 534"
  elseif v == 537 then return "is 537"
  elseif v == 540 then return "is 540"
  elseif v == 543 then return "is 543"
  elseif v == 546 then return "is 546"
  elseif v == 549 then return "is 549"
  elseif v == 552 then return "is 552"
  elseif v == 555 then return "is 555"
  elseif v == 558 then return "is 558"
  elseif v == 561 then return "is 561"
  elseif v == 564 then return "is 564"
  elseif v == 567 then return "is 567"
  elseif v == 570 then return "is 570"
  elseif v == 573 then return "is 573"
  elseif v == 576 then return "is 576"
  elseif v == 579 then return "is 579"
  elseif v == 582 then return "is 582"
  elseif v == 585 then return "is 585"
  elseif v == 588 then return "is 588"
  elseif v == 591 then return "is 591"
  elseif v == 594 then return "is 594"
  elseif v == 597 then return "is 597"
  elseif v == 600 then return "is 600"
  elseif v == 603 then return "is 603"
  elseif v == 606 then return "is 606"
  elseif v == 609 then return "is 609"
  elseif v == 612 then return "is 612"
  elseif v == 615 then return "is 615"
  elseif v == 618 then return "is 618"
  elseif v == 621 then return "is 621"
  elseif v == 624 then return "is 624"
  elseif v == 627 then return "is 627"
  elseif v == 630 then return "is 630"
  elseif v == 633 then return "is 633"
  elseif v == 636 then return "is 636"
  elseif v == 639 then return "is 639"
  elseif v == 642 then return "is 642"
  elseif v == 645 then return "is 645"
  elseif v == 648 then return "is 648"
  elseif v == 651 then return "is 651"
  elseif v == 654 then return "is 654"
  elseif v == 657 then return "is 657"
  elseif v == 660 then return "is 660"
  elseif v == 663 then return "is 663"
  elseif v == 666 then return "is 666"
  elseif v == 669 then return "is 669"
  elseif v == 672 then return "is 672"
  elseif v == 675 then return "is 675"
  elseif v == 678 then return "is 678"
  elseif v == 681 then return "is 681"
  elseif v == 684 then return "is 684"
  elseif v == 687 then return "is 687"
  elseif v == 690 then return "is 690"
  elseif v == 693 then return "is 693"
  elseif v == 696 then return "is 696"
  elseif v == 699 then return "is 699"
  elseif v == 702 then return "is 702"
  elseif v == 705 then return "is 705"
  elseif v == 708 then return "is 708"
  elseif v == 711 then return "is 711"
  elseif v == 714 then return "is 714"
  elseif v == 717 then return "is 717"
  elseif v == 720 then return "is 720"
  elseif v == 723 then return "is 723"
  elseif v == 726 then return "is 726"
  elseif v == 729 then return "is 729"
  elseif v == 732 then return "is 732"
  elseif v == 735 then return "is 735"
  elseif v == 738 then return "is 738"
  elseif v == 741 then return "is 741"
  elseif v == 744 then return "is 744"
  elseif v == 747 then return "is 747"
  elseif v == 750 then return "is 750"
  elseif v == 753 then return "is 753"
  elseif v == 756 then return "is 756"
  elseif v == 759 then return "is 759"
  elseif v == 762 then return "is 762"
  elseif v == 765 then return "is 765"
  elseif v == 768 then return "is 768"
  elseif v == 771 then return "is 771"
  elseif v == 774 then return "is 774"
  elseif v == 777 then return "is 777"
  end
  return "none"
end
print(chain(0), chain(300), chain(777), chain(778))
-- A loop with a long body.
local x = 0
for i = 1, 3 do
  if i == 1 then x = x + 0 else x = x - 0 end
  if i == 2 then x = x + 1 else x = x - 1 end
  if i == 3 then x = x + 2 else x = x - 2 end
  if i == 1 then x = x + 3 else x = x - 3 end
  if i == 2 then x = x + 4 else x = x - 4 end
  if i == 3 then x = x + 5 else x = x - 0 end
  if i == 1 then x = x + 6 else x = x - 1 end
  if i == 2 then x = x + 7 else x = x - 2 end
  if i == 3 then x = x + 8 else x = x - 3 end
  if i == 1 then x = x + 9 else x = x - 4 end
  if i == 2 then x = x + 10 else x = x - 0 end
  if i == 3 then x = x + 11 else x = x - 1 end
  if i == 1 then x = x + 12 else x = x - 2 end
  if i == 2 then x = x + 13 else x = x - 3 end
  if i == 3 then x = x + 14 else x = x - 4 end
  if i == 1 then x = x + 15 else x = x - 0 end
  if i == 2 then x = x + 16 else x = x - 1 end
  if i == 3 then x = x + 17 else x = x - 2 end
  if i == 1 then x = x + 18 else x = x - 3 end
  if i == 2 then x = x + 19 else x = x - 4 end
  if i == 3 then x = x + 20 else x = x - 0 end
  if i == 1 then x = x + 21 else x = x - 1 end
  if i == 2 then x = x + 22 else x = x - 2 end
  if i == 3 then x = x + 23 else x = x - 3 end
  if i == 1 then x = x + 24 else x = x - 4 end
  if i == 2 then x = x + 25 else x = x - 0 end
  if i == 3 then x = x + 26 else x = x - 1 end
  if i == 1 then x = x + 27 else x = x - 2 end
  if i == 2 then x = x + 28 else x = x - 3 end
  if i == 3 then x = x + 29 else x = x - 4 end
  if i == 1 then x = x + 30 else x = x - 0 end
  if i == 2 then x = x + 31 else x = x - 1 end
  if i == 3 then x = x + 32 else x = x - 2 end
  if i == 1 then x = x + 33 else x = x - 3 end
  if i == 2 then x = x + 34 else x = x - 4 end
  if i == 3 then x = x + 35 else x = x - 0 end
  if i == 1 then x = x + 36 else x = x - 1 end
  if i == 2 then x = x + 37 else x = x - 2 end
  if i == 3 then x = x + 38 else x = x - 3 end
  if i == 1 then x = x + 39 else x = x - 4 end
  if i == 2 then x = x + 40 else x = x - 0 end
  if i == 3 then x = x + 41 else x = x - 1 end
  if i == 1 then x = x + 42 else x = x - 2 end
  if i == 2 then x = x + 43 else x = x - 3 end
  if i == 3 then x = x + 44 else x = x - 4 end
  if i == 1 then x = x + 45 else x = x - 0 end
  if i == 2 then x = x + 46 else x = x - 1 end
  if i == 3 then x = x + 47 else x = x - 2 end
  if i == 1 then x = x + 48 else x = x - 3 end
  if i == 2 then x = x + 49 else x = x - 4 end
  if i == 3 then x = x + 50 else x = x - 0 end
  if i == 1 then x = x + 51 else x = x - 1 end
  if i == 2 then x = x + 52 else x = x - 2 end
  if i == 3 then x = x + 53 else x = x - 3 end
  if i == 1 then x = x + 54 else x = x - 4 end
  if i == 2 then x = x + 55 else x = x - 0 end
  if i == 3 then x = x + 56 else x = x - 1 end
  if i == 1 then x = x + 57 else x = x - 2 end
  if i == 2 then x = x + 58 else x = x - 3 end
  if i == 3 then x = x + 59 else x = x - 4 end
  if i == 1 then x = x + 60 else x = x - 0 end
  if i == 2 then x = x + 61 else x = x - 1 end
  if i == 3 then x = x + 62 else x = x - 2 end
  if i == 1 then x = x + 63 else x = x - 3 end
  if i == 2 then x = x + 64 else x = x - 4 end
  if i == 3 then x = x + 65 else x = x - 0 end
  if i == 1 then x = x + 66 else x = x - 1 end
  if i == 2 then x = x + 67 else x = x - 2 end
  if i == 3 then x = x + 68 else x = x - 3 end
  if i == 1 then x = x + 69 else x = x - 4 end
  if i == 2 then x = x + 70 else x = x - 0 end
  if i == 3 then x = x + 71 else x = x - 1 end
  if i == 1 then x = x + 72 else x = x - 2 end
  if i == 2 then x = x + 73 else x = x - 3 end
  if i == 3 then x = x + 74 else x = x - 4 end
  if i == 1 then x = x + 75 else x = x - 0 end
  if i == 2 then x = x + 76 else x = x - 1 end
  if i == 3 then x = x + 77 else x = x - 2 end
  if i == 1 then x = x + 78 else x = x - 3 end
  if i == 2 then x = x + 79 else x = x - 4 end
  if i == 3 then x = x + 80 else x = x - 0 end
  if i == 1 then x = x + 81 else x = x - 1 end
  if i == 2 then x = x + 82 else x = x - 2 end
  if i == 3 then x = x + 83 else x = x - 3 end
  if i == 1 then x = x + 84 else x = x - 4 end
  if i == 2 then x = x + 85 else x = x - 0 end
  if i == 3 then x = x + 86 else x = x - 1 end
  if i == 1 then x = x + 87 else x = x - 2 end
  if i == 2 then x = x + 88 else x = x - 3 end
  if i == 3 then x = x + 89 else x = x - 4 end
  if i == 1 then x = x + 90 else x = x - 0 end
  if i == 2 then x = x + 91 else x = x - 1 end
  if i == 3 then x = x + 92 else x = x - 2 end
  if i == 1 then x = x + 93 else x = x - 3 end
  if i == 2 then x = x + 94 else x = x - 4 end
  if i == 3 then x = x + 95 else x = x - 0 end
  if i == 1 then x = x + 96 else x = x - 1 end
  if i == 2 then x = x + 97 else x = x - 2 end
  if i == 3 then x = x + 98 else x = x - 3 end
  if i == 1 then x = x + 99 else x = x - 4 end
  if i == 2 then x = x + 100 else x = x - 0 end
  if i == 3 then x = x + 101 else x = x - 1 end
  if i == 1 then x = x + 102 else x = x - 2 end
  if i == 2 then x = x + 103 else x = x - 3 end
  if i == 3 then x = x + 104 else x = x - 4 end
  if i == 1 then x = x + 105 else x = x - 0 end
  if i == 2 then x = x + 106 else x = x - 1 end
  if i == 3 then x = x + 107 else x = x - 2 end
  if i == 1 then x = x + 108 else x = x - 3 end
  if i == 2 then x = x + 109 else x = x - 4 end
  if i == 3 then x = x + 110 else x = x - 0 end
  if i == 1 then x = x + 111 else x = x - 1 end
  if i == 2 then x = x + 112 else x = x - 2 end
  if i == 3 then x = x + 113 else x = x - 3 end
  if i == 1 then x = x + 114 else x = x - 4 end
  if i == 2 then x = x + 115 else x = x - 0 end
  if i == 3 then x = x + 116 else x = x - 1 end
  if i == 1 then x = x + 117 else x = x - 2 end
  if i == 2 then x = x + 118 else x = x - 3 end
  if i == 3 then x = x + 119 else x = x - 4 end
  if i == 1 then x = x + 120 else x = x - 0 end
  if i == 2 then x = x + 121 else x = x - 1 end
  if i == 3 then x = x + 122 else x = x - 2 end
  if i == 1 then x = x + 123 else x = x - 3 end
  if i == 2 then x = x + 124 else x = x - 4 end
  if i == 3 then x = x + 125 else x = x - 0 end
  if i == 1 then x = x + 126 else x = x - 1 end
  if i == 2 then x = x + 127 else x = x - 2 end
  if i == 3 then x = x + 128 else x = x - 3 end
  if i == 1 then x = x + 129 else x = x - 4 end
  if i == 2 then x = x + 130 else x = x - 0 end
  if i == 3 then x = x + 131 else x = x - 1 end
  if i == 1 then x = x + 132 else x = x - 2 end
  if i == 2 then x = x + 133 else x = x - 3 end
  if i == 3 then x = x + 134 else x = x - 4 end
  if i == 1 then x = x + 135 else x = x - 0 end
  if i == 2 then x = x + 136 else x = x - 1 end
  if i == 3 then x = x + 137 else x = x - 2 end
  if i == 1 then x = x + 138 else x = x - 3 end
  if i == 2 then x = x + 139 else x = x - 4 end
  if i == 3 then x = x + 140 else x = x - 0 end
  if i == 1 then x = x + 141 else x = x - 1 end
  if i == 2 then x = x + 142 else x = x - 2 end
  if i == 3 then x = x + 143 else x = x - 3 end
  if i == 1 then x = x + 144 else x = x - 4 end
  if i == 2 then x = x + 145 else x = x - 0 end
  if i == 3 then x = x + 146 else x = x - 1 end
  if i == 1 then x = x + 147 else x = x - 2 end
  if i == 2 then x = x + 148 else x = x - 3 end
  if i == 3 then x = x + 149 else x = x - 4 end
end
print(x)
print(1 == 1.0, 0x10 == 16, 1e2 == 100, "1" == 1, 255 == 0xff)
print(4294967295, 4294967296, 2147483647, 2147483648, -2147483648, 65535, 65536, 131071, 131072, 262144)
print(9007199254740991 == 2 ^ 53 - 1, 1e308 * 10 == math.huge, 5e-324 > 0, 1e-400 == 0)
local t = { [1] = "n", ["1"] = "s", [true] = "t", ["true"] = "st" }
print(t[1], t["1"], t[true], t["true"])
